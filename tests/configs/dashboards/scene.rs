//! Two fleets under load, each with a gateway, and a Prometheus that scrapes both gateways.

use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use cachescope_harness::{OtlpProtocol, Prometheus, Server, scraping};

use crate::files;

/// The service that exports to `gateway-aggregate.yaml`.
pub(crate) const SUMMED: &str = "dashboards-summed";
/// The service that exports to `gateway.yaml`.
pub(crate) const APART: &str = "dashboards-apart";

/// Bounds a failure: scrapes happen once a second.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) struct Scene {
    pub(crate) prometheus: Prometheus,
    _prometheus: Server,
    _gateways: [Server; 2],
    _traces: Server,
    redis: Server,
    _instances: Vec<Instance>,
}

/// An instance of a fleet, killed when it is dropped.
struct Instance(Child);

impl Drop for Instance {
    fn drop(&mut self) {
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

impl Scene {
    pub(crate) fn open() -> Result<Self> {
        let program = fleet()?;
        let traces = Server::collector_over_grpc()?;
        let redis = Server::redis()?;
        let (address, sampling) = (traces.address(), files::text("tail-sampling.yaml")?);
        let gateway = |config: &str| {
            let settings = [("CACHESCOPE_TRACES", address.as_str()), ("CACHESCOPE_DECISION_WAIT", "1s")];
            Server::merged_collector(OtlpProtocol::Grpc, &[&files::text(config)?, &sampling], &settings)
        };
        let gateways = [gateway("gateway-aggregate.yaml")?, gateway("gateway.yaml")?];
        let mut instances = Vec::new();
        for (gateway, service, temporality) in [(&gateways[0], SUMMED, "delta"), (&gateways[1], APART, "cumulative")] {
            for number in 0..2 {
                let who = format!("service.instance.id={service}-{number},deployment.environment.name=test");
                let mut instance = Command::new(&program);
                instance.args(["instance", "--rate", "300"]).stdin(Stdio::piped()).stdout(Stdio::null());
                instance
                    .env("REDIS_URL", redis.url())
                    .env("OTEL_SERVICE_NAME", service)
                    .env("OTEL_RESOURCE_ATTRIBUTES", who)
                    .env("OTEL_EXPORTER_OTLP_ENDPOINT", gateway.url())
                    .env("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc")
                    .env("OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE", temporality)
                    .env("OTEL_METRIC_EXPORT_INTERVAL", "300");
                instances.push(Instance(instance.spawn()?));
            }
        }
        let server = Server::prometheus(&scraping(&gateways, "1s")?)?;
        let prometheus = Prometheus::of(&server);
        Ok(Self { prometheus, _prometheus: server, _gateways: gateways, _traces: traces, redis, _instances: instances })
    }

    /// Pauses the shared store until Prometheus shows errors, and resumes it.
    pub(crate) fn trouble(&mut self) -> Result<()> {
        for service in [SUMMED, APART] {
            let requests = format!("sum(cachescope_requests_total{{service_name=\"{service}\"}})");
            self.prometheus.eventually(&requests, PATIENCE, |found| found.iter().any(|sample| sample.value > 0.0))?;
        }
        self.redis.pause()?;
        for service in [SUMMED, APART] {
            let errors = format!("sum(cachescope_store_errors_total{{service_name=\"{service}\"}})");
            self.prometheus.eventually(&errors, PATIENCE, |found| found.iter().any(|sample| sample.value > 0.0))?;
        }
        self.redis.resume()
    }
}

/// Builds the program of the example. Cargo has nothing to do if all tests were built.
fn fleet() -> Result<PathBuf> {
    let test = std::env::current_exe()?;
    let folder = test.ancestors().nth(2).context("tests are in a folder of their profile's")?;
    let program = folder.join("examples").join(format!("fleet{}", std::env::consts::EXE_SUFFIX));
    let profile = match folder.file_name().and_then(|name| name.to_str()).context("a profile's folder")? {
        "debug" => "dev",
        other => other,
    };
    let mut build = Command::new(env!("CARGO"));
    build.args(["build", "--quiet", "--workspace", "--all-features", "--example", "fleet", "--profile", profile]);
    // Cargo's variables of this test's package would make it build other packages again.
    let variables = std::env::vars_os().map(|(name, _)| name);
    for name in variables.filter(|name| {
        name.to_str().is_some_and(|name| name.starts_with("CARGO_MANIFEST") || name.starts_with("CARGO_PKG"))
    }) {
        build.env_remove(name);
    }
    ensure!(build.status()?.success(), "the example `fleet` can't be built");
    ensure!(program.exists(), "no {}", program.display());
    Ok(program)
}
