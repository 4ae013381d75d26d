//! A collector that is one test's own, with any configuration of `collector-config/`, to be mistreated.

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

/// What it takes it shows on its pages, and passes on to nobody.
const PLAIN: &str = include_str!("own_collector.yaml");

/// By which protocol clients reach a collector's OTLP receiver.
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
            // What it is to keep over a restart.
            .env("CACHESCOPE_QUEUE", folder.join("queue"))
            .envs(self.settings.iter().map(|(name, value)| (name, value)));
        Ok(command)
    }

    fn ready(&self, ports: &Ports) -> Result<bool> {
        http::healthy(&ports.url(NAME, "health"))
    }
}

impl Server {
    /// The OpenTelemetry Collector with this configuration, in YAML. [`Server::url`] takes OTLP by `protocol`.
    ///
    /// The configuration takes its addresses from the environment, by the names that those of `collector-config/` use:
    /// `CACHESCOPE_OTLP_HTTP`, `_OTLP_GRPC`, `_STATSD`, `_METRICS`, `_HEALTH`, `_SELF_HOST`, `_SELF_PORT`, and the folder
    /// for queues `_QUEUE`, are set to what is this one's own, also after a restart; `settings` are set besides.
    ///
    /// # Errors
    /// As [`Server::redis`]; building it on first use takes Go and some minutes.
    pub fn collector(protocol: OtlpProtocol, config: &str, settings: &[(&str, &str)]) -> Result<Self> {
        Self::merged_collector(protocol, &[config], settings)
    }

    /// The same with several configurations, which the collector merges: of what two of them set, the later one's holds.
    ///
    /// # Errors
    /// As [`Server::collector`].
    pub fn merged_collector(protocol: OtlpProtocol, configs: &[&str], settings: &[(&str, &str)]) -> Result<Self> {
        let configs = configs.iter().map(|config| (*config).to_owned()).collect();
        let settings = settings.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        // Parts are named by who runs them for as long as the process lives; a test has few of these.
        let part: &'static OwnCollectorPart = Box::leak(Box::new(OwnCollectorPart { protocol, configs, settings }));
        Self::start(part, |address| format!("http://{address}"))
    }

    /// One that shows what it takes on its pages and passes it on to nobody, reached over HTTP. Restarted, it is empty.
    ///
    /// # Errors
    /// As [`Server::collector`].
    pub fn collector_over_http() -> Result<Self> {
        Self::collector(OtlpProtocol::Http, PLAIN, &[])
    }

    /// The same, over gRPC.
    ///
    /// # Errors
    /// As [`Server::collector`].
    pub fn collector_over_grpc() -> Result<Self> {
        Self::collector(OtlpProtocol::Grpc, PLAIN, &[])
    }

    /// Of a collector, the page of the metrics it was sent, in Prometheus's format.
    pub fn metrics_url(&self) -> Option<String> {
        self.page("metrics")
    }

    /// Of a collector, the page of its metrics about itself: what it received and refused.
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
    fn it_answers_at_one_address_over_restarts_and_shows_its_pages() -> Result<()> {
        let mut server = Server::collector_over_http()?;
        let metrics = server.metrics_url().expect("a collector has one");
        http::text(&metrics, &[])?;
        http::text(&server.self_metrics_url().expect("a collector has one"), &[])?;
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
