//! Redis, the gateway and Prometheus: started for the run, unless the environment selects other ones.

use std::process::Command;

use anyhow::{Context as _, bail, ensure};
use cachescope_harness::{OtlpProtocol, Prometheus, Server};

use crate::args::{FleetArgs, Gateway};

const AGGREGATE: &str = include_str!("../../collector-config/gateway-aggregate.yaml");
const INSTANCES: &str = include_str!("../../collector-config/gateway.yaml");
const PROMETHEUS: &str = include_str!("../../collector-config/prometheus.yaml");

const REDIS_URL: &str = "REDIS_URL";
const ENDPOINT: &str = "OTEL_EXPORTER_OTLP_ENDPOINT";
const PROTOCOL: &str = "OTEL_EXPORTER_OTLP_PROTOCOL";
const PROMETHEUS_URL: &str = "PROMETHEUS_URL";
const TRACES: &str = "CACHESCOPE_TRACES";

/// A server that this run started, or the URL of another one.
#[derive(Debug)]
enum ServerRef {
    Started(Box<Server>),
    Given(String),
}

impl ServerRef {
    fn url(&self) -> &str {
        match self {
            Self::Started(server) => server.url(),
            Self::Given(url) => url,
        }
    }
}

/// The servers of a run. Dropping this ends the servers that the run started.
#[derive(Debug)]
pub(crate) struct Servers {
    redis: ServerRef,
    gateway: ServerRef,
    /// The Prometheus that this run started, if it started one.
    scraper: Option<Server>,
    prometheus: Prometheus,
    traced: bool,
    namespace: String,
}

impl Servers {
    /// Starts the servers that the environment doesn't select.
    pub(crate) fn open(args: &FleetArgs) -> anyhow::Result<Self> {
        let redis = match given(REDIS_URL) {
            Some(url) => ServerRef::Given(url),
            None => ServerRef::Started(Box::new(Server::redis()?)),
        };
        let traces = given(TRACES);
        let (gateway, scraper, prometheus) = match (given(ENDPOINT), given(PROMETHEUS_URL)) {
            (Some(endpoint), Some(url)) => (ServerRef::Given(endpoint), None, Prometheus::at(&url)),
            (None, None) => {
                let config = match args.gateway {
                    Gateway::Aggregate => AGGREGATE,
                    Gateway::Instances => INSTANCES,
                };
                let settings = traces.iter().map(|address| (TRACES, address.as_str())).collect::<Vec<_>>();
                let gateway = Server::collector(OtlpProtocol::Grpc, config, &settings)?;
                let scraper = Server::prometheus(&scraping(&gateway)?)?;
                let prometheus = Prometheus::of(&scraper);
                (ServerRef::Started(Box::new(gateway)), Some(scraper), prometheus)
            }
            _ => bail!(
                "{ENDPOINT} selects a gateway and {PROMETHEUS_URL} the Prometheus that scrapes it: set both or none"
            ),
        };
        let started = matches!(gateway, ServerRef::Started(_));
        ensure!(
            started || !args.gateway_restart,
            "--gateway-restart kills the gateway, so this run must start the gateway: unset {ENDPOINT}"
        );
        // A given gateway is configured to send traces somewhere.
        let traced = traces.is_some() || !started;
        Ok(Self { redis, gateway, scraper, prometheus, traced, namespace: format!("run-{}", std::process::id()) })
    }

    /// Sets the variables of an instance that configure these servers.
    pub(crate) fn configure(&self, instance: &mut Command) {
        instance.env(REDIS_URL, self.redis.url()).env(ENDPOINT, self.gateway.url());
        if matches!(self.gateway, ServerRef::Started(_)) {
            instance.env(PROTOCOL, "grpc");
        }
        if !self.traced {
            instance.env("OTEL_TRACES_EXPORTER", "none");
        }
    }

    pub(crate) fn prometheus(&self) -> &Prometheus {
        &self.prometheus
    }

    pub(crate) fn service(&self) -> &'static str {
        "cachescope-fleet"
    }

    /// Returns the namespace that separates the series of this run from other runs.
    pub(crate) fn namespace(&self) -> &str {
        &self.namespace
    }

    /// Returns the label `job` of this run's instances in Prometheus.
    pub(crate) fn job(&self) -> String {
        format!("{}/{}", self.namespace(), self.service())
    }

    /// Returns the gateway and Prometheus, to pause or kill them.
    pub(crate) fn started(&mut self) -> anyhow::Result<(&mut Server, &mut Server)> {
        match (&mut self.gateway, &mut self.scraper) {
            (ServerRef::Started(gateway), Some(scraper)) => Ok((gateway, scraper)),
            _ => bail!("this run didn't start the gateway and Prometheus"),
        }
    }
}

fn given(variable: &str) -> Option<String> {
    std::env::var(variable).ok().filter(|value| !value.trim().is_empty())
}

/// Returns the scrape configuration of `collector-config/` for this gateway, with short intervals.
fn scraping(gateway: &Server) -> anyhow::Result<String> {
    let address = |url: Option<String>| {
        let address =
            url.as_deref().and_then(|url| url.strip_prefix("http://")?.strip_suffix("/metrics").map(str::to_owned));
        address.context("a collector has metrics pages")
    };
    let changes = [
        ("127.0.0.1:9464", address(gateway.metrics_url())?),
        ("127.0.0.1:8888", address(gateway.self_metrics_url())?),
        ("scrape_interval: 15s", "scrape_interval: 500ms".to_owned()),
        ("scrape_timeout: 10s", "scrape_timeout: 500ms".to_owned()),
    ];
    changes.iter().try_fold(PROMETHEUS.to_owned(), |config, (from, to)| {
        ensure!(config.matches(from).count() == 1, "prometheus.yaml must contain `{from}` once");
        Ok(config.replace(from, to))
    })
}
