//! What the fleet runs over: Redis, the gateway and Prometheus, started for the run unless the environment names others.

use std::process::Command;

use anyhow::{Context as _, bail, ensure};
use cachescope_stack::{OtlpProtocol, Prometheus, Server};

use crate::args::{FleetArgs, Gateway};

const AGGREGATE: &str = include_str!("../../collector-config/gateway-aggregate.yaml");
const INSTANCES: &str = include_str!("../../collector-config/gateway.yaml");
const PROMETHEUS: &str = include_str!("../../collector-config/prometheus.yaml");

const REDIS_URL: &str = "REDIS_URL";
const ENDPOINT: &str = "OTEL_EXPORTER_OTLP_ENDPOINT";
const PROTOCOL: &str = "OTEL_EXPORTER_OTLP_PROTOCOL";
const PROMETHEUS_URL: &str = "PROMETHEUS_URL";
const TRACES: &str = "CACHESCOPE_TRACES";

/// A server of this run's, or the URL of another.
#[derive(Debug)]
enum Place {
    Own(Box<Server>),
    Given(String),
}

impl Place {
    fn url(&self) -> &str {
        match self {
            Self::Own(server) => server.url(),
            Self::Given(url) => url,
        }
    }
}

/// All of them. What was started ends when this is dropped.
#[derive(Debug)]
pub(crate) struct Places {
    redis: Place,
    gateway: Place,
    /// Started by this run, if it was.
    scraper: Option<Server>,
    prometheus: Prometheus,
    traced: bool,
    namespace: String,
}

impl Places {
    /// Starts what the environment doesn't name.
    pub(crate) fn open(args: &FleetArgs) -> anyhow::Result<Self> {
        let redis = match given(REDIS_URL) {
            Some(url) => Place::Given(url),
            None => Place::Own(Box::new(Server::redis()?)),
        };
        let traces = given(TRACES);
        let (gateway, scraper, prometheus) = match (given(ENDPOINT), given(PROMETHEUS_URL)) {
            (Some(endpoint), Some(url)) => (Place::Given(endpoint), None, Prometheus::at(&url)),
            (None, None) => {
                let config = match args.gateway {
                    Gateway::Aggregate => AGGREGATE,
                    Gateway::Instances => INSTANCES,
                };
                let settings = traces.iter().map(|address| (TRACES, address.as_str())).collect::<Vec<_>>();
                let gateway = Server::collector(OtlpProtocol::Grpc, config, &settings)?;
                let scraper = Server::prometheus(&scraping(&gateway)?)?;
                let prometheus = Prometheus::of(&scraper);
                (Place::Own(Box::new(gateway)), Some(scraper), prometheus)
            }
            _ => bail!("{ENDPOINT} names a gateway, {PROMETHEUS_URL} the Prometheus that scrapes it: set both or none"),
        };
        let own = matches!(gateway, Place::Own(_));
        ensure!(
            own || !args.gateway_restart,
            "--gateway-restart kills a gateway, so it takes one of its own: unset {ENDPOINT}"
        );
        // Where the gateway is given, so is where its traces go.
        let traced = traces.is_some() || !own;
        Ok(Self { redis, gateway, scraper, prometheus, traced, namespace: format!("run-{}", std::process::id()) })
    }

    /// Tells an instance where they are.
    pub(crate) fn tell(&self, instance: &mut Command) {
        instance.env(REDIS_URL, self.redis.url()).env(ENDPOINT, self.gateway.url());
        if matches!(self.gateway, Place::Own(_)) {
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

    /// Tells this run's series from those of others.
    pub(crate) fn namespace(&self) -> &str {
        &self.namespace
    }

    /// What Prometheus knows this run's instances by.
    pub(crate) fn job(&self) -> String {
        format!("{}/{}", self.namespace(), self.service())
    }

    /// The gateway and Prometheus, to be mistreated.
    pub(crate) fn own(&mut self) -> anyhow::Result<(&mut Server, &mut Server)> {
        match (&mut self.gateway, &mut self.scraper) {
            (Place::Own(gateway), Some(scraper)) => Ok((gateway, scraper)),
            _ => bail!("they aren't this run's own"),
        }
    }
}

fn given(variable: &str) -> Option<String> {
    std::env::var(variable).ok().filter(|value| !value.trim().is_empty())
}

/// The users' configuration for this gateway, and in a hurry.
fn scraping(gateway: &Server) -> anyhow::Result<String> {
    let address = |url: Option<String>| {
        let address =
            url.as_deref().and_then(|url| url.strip_prefix("http://")?.strip_suffix("/metrics").map(str::to_owned));
        address.context("a collector has pages")
    };
    let changes = [
        ("127.0.0.1:9464", address(gateway.metrics_url())?),
        ("127.0.0.1:8888", address(gateway.self_metrics_url())?),
        ("scrape_interval: 15s", "scrape_interval: 500ms".to_owned()),
        ("scrape_timeout: 10s", "scrape_timeout: 500ms".to_owned()),
    ];
    changes.iter().try_fold(PROMETHEUS.to_owned(), |config, (from, to)| {
        ensure!(config.matches(from).count() == 1, "prometheus.yaml should say `{from}` once");
        Ok(config.replace(from, to))
    })
}
