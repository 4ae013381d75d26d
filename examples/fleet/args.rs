//! What the user may choose.

use std::time::Duration;

use clap::{Args as Group, Parser, Subcommand, ValueEnum};

/// Runs several instances of a service over one gateway, and compares what they counted with what Prometheus shows
///
/// Redis, the gateway and Prometheus are started for the run, and built or installed on first use. Another Redis is
/// named by REDIS_URL; a gateway and the Prometheus that scrapes it by OTEL_EXPORTER_OTLP_ENDPOINT and PROMETHEUS_URL.
/// Traces go where CACHESCOPE_TRACES says, as host and port that take OTLP over gRPC.
#[derive(Debug, Parser)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct Args {
    #[command(subcommand)]
    pub(crate) role: Option<Role>,
    #[command(flatten)]
    pub(crate) fleet: FleetArgs,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Role {
    /// Runs one instance by itself
    #[command(hide = true)]
    Instance(InstanceArgs),
}

#[derive(Clone, Debug, Group)]
pub(crate) struct FleetArgs {
    /// So many instances at a time; the first crashes and begins anew, the last delivers only at its end
    #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u16).range(2..=64))]
    pub(crate) instances: u16,
    /// How long they run, such as 20s. Beyond 4 minutes gateways forget what a crashed instance had
    #[arg(long = "for", value_name = "TIME", default_value = "20s", value_parser = run_time)]
    pub(crate) run_for: Duration,
    /// Requests a second of each instance, besides some 50 that are always made
    #[arg(long, default_value_t = 200)]
    pub(crate) rate: u32,
    /// What instances send: differences, or totals since they began
    #[arg(long, value_enum, default_value_t = Temporality::Delta)]
    pub(crate) temporality: Temporality,
    /// Which configuration the gateway has: one series for all instances, or one for each
    #[arg(long, value_enum, default_value_t = Gateway::Aggregate)]
    pub(crate) gateway: Gateway,
    /// Kill the gateway in the middle, and show what that loses
    #[arg(long)]
    pub(crate) gateway_restart: bool,
    /// Print the result as one line of JSON on stdout, and all else on stderr
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Group)]
pub(crate) struct InstanceArgs {
    /// End after this time; without it when stdin is closed
    #[arg(long = "for", value_name = "TIME", value_parser = humantime::parse_duration)]
    pub(crate) run_for: Option<Duration>,
    /// Requests a second, besides some 50 that are always made
    #[arg(long, default_value_t = 200)]
    pub(crate) rate: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Temporality {
    Delta,
    Cumulative,
}

impl Temporality {
    /// As `OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE` has it.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Delta => "delta",
            Self::Cumulative => "cumulative",
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Gateway {
    /// gateway-aggregate.yaml
    Aggregate,
    /// gateway.yaml
    Instances,
}

/// Shorter, and there is no time for what happens in a run.
const SHORTEST: Duration = Duration::from_secs(5);

fn run_time(text: &str) -> Result<Duration, String> {
    let time = humantime::parse_duration(text).map_err(|error| error.to_string())?;
    if time < SHORTEST {
        return Err(format!("a run takes {SHORTEST:?} or more: give another as --for"));
    }
    Ok(time)
}
