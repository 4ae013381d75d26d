//! The command line.

use std::time::Duration;

use clap::{Args as Group, Parser, Subcommand, ValueEnum};

/// Runs several instances of a service over one gateway, and compares what they counted with what Prometheus shows
///
/// Starts Redis, the gateway and Prometheus for the run; the first run builds or installs them. REDIS_URL selects
/// another Redis; OTEL_EXPORTER_OTLP_ENDPOINT and PROMETHEUS_URL together select another gateway and the Prometheus
/// that scrapes it. CACHESCOPE_TRACES is the host and port that receive traces, by OTLP over gRPC.
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
    /// The number of instances; the first crashes and starts again, the last delivers only at its end
    #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u16).range(2..=64))]
    pub(crate) instances: u16,
    /// The duration of the run, such as 20s. After 4 minutes a gateway forgets the series of a crashed instance
    #[arg(long = "for", value_name = "TIME", default_value = "20s", value_parser = run_time)]
    pub(crate) run_for: Duration,
    /// Requests per second of each instance, in addition to about 50 fixed ones
    #[arg(long, default_value_t = 200)]
    pub(crate) rate: u32,
    /// The temporality of exports: differences, or totals since the start of an instance
    #[arg(long, value_enum, default_value_t = Temporality::Delta)]
    pub(crate) temporality: Temporality,
    /// The configuration of the gateway: one series for all instances, or one for each
    #[arg(long, value_enum, default_value_t = Gateway::Aggregate)]
    pub(crate) gateway: Gateway,
    /// Kill the gateway during the run, and show the lost counts
    #[arg(long)]
    pub(crate) gateway_restart: bool,
    /// Print the result as one line of JSON on stdout, and everything else on stderr
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Group)]
pub(crate) struct InstanceArgs {
    /// End after this time [default: end when stdin is closed]
    #[arg(long = "for", value_name = "TIME", value_parser = humantime::parse_duration)]
    pub(crate) run_for: Option<Duration>,
    /// Requests per second, in addition to about 50 fixed ones
    #[arg(long, default_value_t = 200)]
    pub(crate) rate: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Temporality {
    Delta,
    Cumulative,
}

impl Temporality {
    /// Returns the value of `OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE`.
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

/// The minimum duration: a shorter run has no time for a crash and a restart.
const SHORTEST: Duration = Duration::from_secs(5);

fn run_time(text: &str) -> Result<Duration, String> {
    let time = humantime::parse_duration(text).map_err(|error| error.to_string())?;
    if time < SHORTEST {
        return Err(format!("--for must be at least {SHORTEST:?}, got {time:?}"));
    }
    Ok(time)
}
