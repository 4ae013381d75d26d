//! The OpenTelemetry Collector, with the configuration that users run.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Result;

use crate::http;
use crate::part::Part;
use crate::ports::Ports;
use crate::recipe::Recipe;
use crate::run;
use crate::stack::Stack;

const NAME: &str = "collector";

pub(crate) const RECIPE: Recipe = Recipe {
    name: NAME,
    files: &[("manifest.yaml", include_str!("../../../collector-config/manifest.yaml"))],
    steps: &[
        &["go", "install", "go.opentelemetry.io/collector/cmd/builder@v0.159.0"],
        &["./bin/builder", "--config=manifest.yaml"],
    ],
    binary: "otelcol/otelcol-cachescope",
};

/// The program of the collector, which also validates configurations.
///
/// # Errors
/// When it can't be built.
pub fn otelcol() -> Result<PathBuf> {
    RECIPE.binary(&run::cache_folder()?)
}

/// The interval in which StatsD lines are added up. Short, so that tests don't wait as users would.
const STATSD_INTERVAL: &str = "200ms";

const GATEWAY: &str = include_str!("../../../collector-config/gateway.yaml");

#[derive(Debug)]
pub(crate) struct CollectorPart;

impl Part for CollectorPart {
    fn name(&self) -> &'static str {
        NAME
    }

    fn ports(&self) -> &'static [&'static str] {
        &["health", "metrics", "otlp_grpc", "otlp_http", "self_metrics", "statsd"]
    }

    fn program(&self, cache: &Path) -> Result<PathBuf> {
        RECIPE.binary(cache)
    }

    /// An exporter whose first attempt finds no server tries again only after five seconds.
    fn needs(&self) -> &'static [&'static str] {
        &["jaeger"]
    }

    fn command(&self, program: &Path, ports: &Ports, folder: &Path) -> Result<Command> {
        let config = folder.join("gateway.yaml");
        fs::write(&config, GATEWAY)?;
        let mut command = Command::new(program);
        command
            .arg(format!("--config={}", config.display()))
            .env("CACHESCOPE_OTLP_HTTP", ports.address(NAME, "otlp_http"))
            .env("CACHESCOPE_OTLP_GRPC", ports.address(NAME, "otlp_grpc"))
            .env("CACHESCOPE_STATSD", ports.address(NAME, "statsd"))
            .env("CACHESCOPE_STATSD_INTERVAL", STATSD_INTERVAL)
            .env("CACHESCOPE_METRICS", ports.address(NAME, "metrics"))
            .env("CACHESCOPE_TRACES", ports.address("jaeger", "otlp_grpc"))
            .env_remove("CACHESCOPE_TRACES_INSECURE")
            .env("CACHESCOPE_HEALTH", ports.address(NAME, "health"))
            .env("CACHESCOPE_SELF_HOST", "127.0.0.1")
            .env("CACHESCOPE_SELF_PORT", ports.number(NAME, "self_metrics").to_string());
        Ok(command)
    }

    fn ready(&self, ports: &Ports) -> Result<bool> {
        http::healthy(&ports.url(NAME, "health"))
    }
}

/// The addresses to which telemetry is sent, and the pages on which the collector shows it.
#[derive(Debug, Clone)]
pub struct Collector {
    otlp_http: String,
    otlp_grpc: String,
    statsd: String,
    metrics_url: String,
    self_metrics_url: String,
}

impl Collector {
    /// The address for OTLP over HTTP: `http://127.0.0.1:PORT`, to which a client adds `/v1/metrics` or `/v1/traces`.
    pub fn otlp_http(&self) -> &str {
        &self.otlp_http
    }

    /// The address for OTLP over gRPC: `http://127.0.0.1:PORT`.
    pub fn otlp_grpc(&self) -> &str {
        &self.otlp_grpc
    }

    /// The address for StatsD lines over UDP: `127.0.0.1:PORT`. Lines of all clients are added up: use unique names.
    pub fn statsd(&self) -> &str {
        &self.statsd
    }

    /// The page of its Prometheus exporter, which Prometheus scrapes.
    pub fn metrics_url(&self) -> &str {
        &self.metrics_url
    }

    /// The page of its metrics about itself: data received, refused and not sent.
    pub fn self_metrics_url(&self) -> &str {
        &self.self_metrics_url
    }
}

impl Stack {
    /// The collector.
    pub fn collector(&self) -> Collector {
        let url = |port| self.ports().url(NAME, port);
        Collector {
            otlp_http: url("otlp_http"),
            otlp_grpc: url("otlp_grpc"),
            statsd: self.ports().address(NAME, "statsd"),
            metrics_url: url("metrics") + "/metrics",
            self_metrics_url: url("self_metrics") + "/metrics",
        }
    }
}
