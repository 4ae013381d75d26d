//! A collector that is one test's own, to be mistreated: what it takes it shows on its pages, and passes on to nobody.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Result;

use crate::collector;
use crate::http;
use crate::part::Part;
use crate::ports::Ports;

const NAME: &str = "own_collector";
const CONFIG: &str = include_str!("own_collector.yaml");

/// By which protocol it takes OTLP.
#[derive(Debug, Clone, Copy)]
pub(crate) enum OwnCollectorPart {
    Http,
    Grpc,
}

impl Part for OwnCollectorPart {
    fn name(&self) -> &'static str {
        NAME
    }

    fn ports(&self) -> &'static [&'static str] {
        &["client", "other", "health", "metrics", "self_metrics"]
    }

    fn program(&self, cache: &Path) -> Result<PathBuf> {
        collector::RECIPE.binary(cache)
    }

    fn command(&self, program: &Path, ports: &Ports, folder: &Path) -> Result<Command> {
        let config = folder.join("own_collector.yaml");
        fs::write(&config, CONFIG)?;
        let (http, grpc) = match self {
            Self::Http => ("client", "other"),
            Self::Grpc => ("other", "client"),
        };
        let mut command = Command::new(program);
        command
            .arg(format!("--config={}", config.display()))
            .env("CACHESCOPE_OTLP_HTTP", ports.address(NAME, http))
            .env("CACHESCOPE_OTLP_GRPC", ports.address(NAME, grpc))
            .env("CACHESCOPE_METRICS", ports.address(NAME, "metrics"))
            .env("CACHESCOPE_HEALTH", ports.address(NAME, "health"))
            .env("CACHESCOPE_SELF_PORT", ports.number(NAME, "self_metrics").to_string());
        Ok(command)
    }

    fn ready(&self, ports: &Ports) -> Result<bool> {
        http::healthy(&ports.url(NAME, "health"))
    }
}

pub(crate) fn url(address: &str) -> String {
    format!("http://{address}")
}

/// The page of what it was sent.
pub(crate) fn metrics_url(ports: &Ports) -> String {
    ports.url(NAME, "metrics") + "/metrics"
}

/// The page of what it counts of itself.
pub(crate) fn self_metrics_url(ports: &Ports) -> String {
    ports.url(NAME, "self_metrics") + "/metrics"
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Server;

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
