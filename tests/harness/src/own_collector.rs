//! A collector private to a test, with any configuration of `collector-config/`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Result;

use crate::collector;
use crate::http;
use crate::part::Part;
use crate::ports::Ports;
use crate::server::Server;

const NAME: &str = "own_collector";

/// A configuration that shows received data on the collector's pages and sends it nowhere.
const PLAIN: &str = include_str!("own_collector.yaml");

/// The protocol of a collector's OTLP receiver.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OtlpProtocol {
    /// HTTP, with protobuf or JSON.
    Http,
    /// gRPC.
    Grpc,
}

#[derive(Debug)]
pub(crate) struct OwnCollectorPart {
    protocol: OtlpProtocol,
    configs: Vec<String>,
    settings: Vec<(String, String)>,
}

impl Part for OwnCollectorPart {
    fn name(&self) -> &'static str {
        NAME
    }

    fn ports(&self) -> &'static [&'static str] {
        &["client", "other", "statsd", "health", "metrics", "self_metrics"]
    }

    fn program(&self, cache: &Path) -> Result<PathBuf> {
        collector::RECIPE.binary(cache)
    }

    fn command(&self, program: &Path, ports: &Ports, folder: &Path) -> Result<Command> {
        let mut command = Command::new(program);
        for (number, config) in self.configs.iter().enumerate() {
            let file = folder.join(format!("{number}.yaml"));
            fs::write(&file, config)?;
            command.arg(format!("--config={}", file.display()));
        }
        let (http, grpc) = match self.protocol {
            OtlpProtocol::Http => ("client", "other"),
            OtlpProtocol::Grpc => ("other", "client"),
        };
        command
            .env("CACHESCOPE_OTLP_HTTP", ports.address(NAME, http))
            .env("CACHESCOPE_OTLP_GRPC", ports.address(NAME, grpc))
            .env("CACHESCOPE_STATSD", ports.address(NAME, "statsd"))
            .env("CACHESCOPE_METRICS", ports.address(NAME, "metrics"))
            .env("CACHESCOPE_HEALTH", ports.address(NAME, "health"))
            .env("CACHESCOPE_SELF_HOST", "127.0.0.1")
            .env("CACHESCOPE_SELF_PORT", ports.number(NAME, "self_metrics").to_string())
            // Its files survive a restart.
            .env("CACHESCOPE_QUEUE", folder.join("queue"))
            .envs(self.settings.iter().map(|(name, value)| (name, value)));
        Ok(command)
    }

    fn ready(&self, ports: &Ports) -> Result<bool> {
        http::healthy(&ports.url(NAME, "health"))
    }
}

impl Server {
    /// Starts an OpenTelemetry Collector with this configuration, in YAML. [`Server::url`] accepts OTLP by `protocol`.
    ///
    /// The configuration reads its addresses from the environment, as the files of `collector-config/` do. This sets
    /// `CACHESCOPE_OTLP_HTTP`, `_OTLP_GRPC`, `_STATSD`, `_METRICS`, `_HEALTH`, `_SELF_HOST`, `_SELF_PORT` and, for queues,
    /// the folder `_QUEUE`. They stay the same over restarts. `settings` are set too.
    ///
    /// # Errors
    /// As [`Server::redis`]. The first use builds it, which takes Go and some minutes.
    pub fn collector(protocol: OtlpProtocol, config: &str, settings: &[(&str, &str)]) -> Result<Self> {
        Self::merged_collector(protocol, &[config], settings)
    }

    /// Starts a collector with several configurations, which the collector merges. A later configuration overrides an
    /// earlier one.
    ///
    /// # Errors
    /// As [`Server::collector`].
    pub fn merged_collector(protocol: OtlpProtocol, configs: &[&str], settings: &[(&str, &str)]) -> Result<Self> {
        let configs = configs.iter().map(|config| (*config).to_owned()).collect();
        let settings = settings.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        // A part has to live as long as the process; a test has few of these.
        let part: &'static OwnCollectorPart = Box::leak(Box::new(OwnCollectorPart { protocol, configs, settings }));
        Self::start(part, |address| format!("http://{address}"))
    }

    /// Starts a collector that shows received data on its pages and sends it nowhere. It accepts OTLP over HTTP, and is
    /// empty after a restart.
    ///
    /// # Errors
    /// As [`Server::collector`].
    pub fn collector_over_http() -> Result<Self> {
        Self::collector(OtlpProtocol::Http, PLAIN, &[])
    }

    /// As [`Server::collector_over_http`], over gRPC.
    ///
    /// # Errors
    /// As [`Server::collector`].
    pub fn collector_over_grpc() -> Result<Self> {
        Self::collector(OtlpProtocol::Grpc, PLAIN, &[])
    }

    /// The page of the metrics that a collector received, in Prometheus's format. `None` for other servers.
    pub fn metrics_url(&self) -> Option<String> {
        self.page("metrics")
    }

    /// The page of a collector's metrics about itself: data received and refused. `None` for other servers.
    pub fn self_metrics_url(&self) -> Option<String> {
        self.page("self_metrics")
    }

    fn page(&self, port: &str) -> Option<String> {
        (self.name() == NAME).then(|| self.ports().url(NAME, port) + "/metrics")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn own_collector_keeps_its_address_over_restarts_and_shows_its_pages() -> Result<()> {
        let mut server = Server::collector_over_http()?;
        let metrics = server.metrics_url().expect("a collector has this page");
        http::text(&metrics, &[])?;
        http::text(&server.self_metrics_url().expect("a collector has this page"), &[])?;
        let send =
            |url: &str| ureq::post(format!("{url}/v1/metrics")).header("content-type", "application/json").send("{}");
        assert!(send(server.url())?.status().is_success());
        server.kill()?;
        assert!(send(server.url()).is_err() && http::text(&metrics, &[]).is_err());
        server.restart()?;
        assert!(send(server.url())?.status().is_success());
        http::text(&metrics, &[])?;
        Ok(())
    }
}
