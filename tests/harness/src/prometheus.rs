//! Prometheus, which scrapes the collector and answers queries.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use crate::http;
use crate::part::Part;
use crate::poll;
use crate::ports::Ports;
use crate::recipe::{Recipe, UNOPTIMISED};
use crate::run;
use crate::sample::{self, Sample};
use crate::server::Server;
use crate::stack::Stack;

const NAME: &str = "prometheus";

const RECIPE: Recipe = Recipe {
    name: NAME,
    files: &[
        ("go.mod", include_str!("../parts/prometheus/go.mod")),
        ("go.sum", include_str!("../parts/prometheus/go.sum")),
        ("tools.go", include_str!("../parts/prometheus/tools.go")),
    ],
    steps: &[&[
        "go",
        "build",
        UNOPTIMISED,
        "-tags",
        "remove_all_sd",
        "-o",
        "bin/",
        "github.com/prometheus/prometheus/cmd/prometheus",
        "github.com/prometheus/prometheus/cmd/promtool",
    ]],
    binary: "bin/prometheus",
};

const CONFIG: &str = include_str!("../../../collector-config/prometheus.yaml");

/// The rule files that the configuration names.
const RULES: [(&str, &str); 2] = [
    ("rules/recording.yaml", include_str!("../../../collector-config/rules/recording.yaml")),
    ("rules/alerts.yaml", include_str!("../../../collector-config/rules/alerts.yaml")),
];

#[derive(Debug)]
pub(crate) struct PrometheusPart;

impl Part for PrometheusPart {
    fn name(&self) -> &'static str {
        NAME
    }

    fn ports(&self) -> &'static [&'static str] {
        &["api"]
    }

    fn program(&self, cache: &Path) -> Result<PathBuf> {
        RECIPE.binary(cache)
    }

    fn command(&self, program: &Path, ports: &Ports, folder: &Path) -> Result<Command> {
        let config = folder.join("prometheus.yaml");
        fs::write(&config, config_for(ports)?)?;
        fs::create_dir_all(folder.join("rules"))?;
        for (file, rules) in RULES {
            fs::write(folder.join(file), rules)?;
        }
        let mut command = Command::new(program);
        command
            .arg(format!("--config.file={}", config.display()))
            .arg(format!("--storage.tsdb.path={}", folder.join("data").display()))
            // Otherwise the first scrape comes five seconds later.
            .arg("--scrape.discovery-reload-interval=100ms")
            .arg(format!("--web.listen-address={}", ports.address(NAME, "api")));
        Ok(command)
    }

    fn ready(&self, ports: &Ports) -> Result<bool> {
        http::healthy(&format!("{}/-/ready", ports.url(NAME, "api")))
    }
}

/// The users' configuration of Prometheus with these addresses of collectors, and with `interval` between scrapes. Unlike
/// the collector, Prometheus reads neither from the environment.
fn configured(metrics: &[String], self_metrics: &[String], interval: &str) -> Result<String> {
    let targets = |addresses: &[String]| format!("\"{}\"", addresses.join("\", \""));
    let changes = [
        ("\"127.0.0.1:9464\"", targets(metrics)),
        ("\"127.0.0.1:8888\"", targets(self_metrics)),
        ("scrape_interval: 15s", format!("scrape_interval: {interval}\n  evaluation_interval: {interval}")),
        ("scrape_timeout: 10s", format!("scrape_timeout: {interval}")),
    ];
    changes.iter().try_fold(CONFIG.to_owned(), |config, (from, to)| {
        ensure!(config.matches(from).count() == 1, "prometheus.yaml must contain `{from}` once");
        Ok(config.replace(from, to))
    })
}

fn config_for(ports: &Ports) -> Result<String> {
    let address = |port| [ports.address("collector", port)];
    configured(&address("metrics"), &address("self_metrics"), "500ms")
}

/// The users' configuration of Prometheus for these collectors, with `interval` between scrapes and evaluations. Its rules
/// are the files of `collector-config/`.
///
/// # Errors
/// When a server isn't a collector.
pub fn scraping<'a>(collectors: impl IntoIterator<Item = &'a Server>, interval: &str) -> Result<String> {
    let (mut metrics, mut self_metrics) = (Vec::new(), Vec::new());
    for collector in collectors {
        let address = |page: Option<String>| {
            let page = page.context("this server isn't a collector")?;
            Ok::<_, anyhow::Error>(page.trim_start_matches("http://").trim_end_matches("/metrics").to_owned())
        };
        metrics.push(address(collector.metrics_url())?);
        self_metrics.push(address(collector.self_metrics_url())?);
    }
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../collector-config/rules/");
    Ok(configured(&metrics, &self_metrics, interval)?.replace("- rules/", &format!("- {folder}")))
}

/// Prometheus with a test's own configuration, which accepts OTLP too.
#[derive(Debug)]
struct OwnPart {
    config: String,
}

/// The name of a [`Server`]'s port for clients.
const CLIENT: &str = "client";

impl Part for OwnPart {
    fn name(&self) -> &'static str {
        NAME
    }

    fn ports(&self) -> &'static [&'static str] {
        &[CLIENT]
    }

    fn program(&self, cache: &Path) -> Result<PathBuf> {
        RECIPE.binary(cache)
    }

    fn command(&self, program: &Path, ports: &Ports, folder: &Path) -> Result<Command> {
        let config = folder.join("prometheus.yaml");
        fs::write(&config, &self.config)?;
        let mut command = Command::new(program);
        command
            .arg(format!("--config.file={}", config.display()))
            .arg(format!("--storage.tsdb.path={}", folder.join("data").display()))
            .arg("--scrape.discovery-reload-interval=100ms")
            .arg("--web.enable-otlp-receiver")
            .arg(format!("--web.listen-address={}", ports.address(NAME, CLIENT)));
        Ok(command)
    }

    fn ready(&self, ports: &Ports) -> Result<bool> {
        http::healthy(&format!("{}/-/ready", ports.url(NAME, CLIENT)))
    }
}

impl Server {
    /// Starts Prometheus with this configuration, in YAML. It accepts OTLP below `/api/v1/otlp` of its URL.
    /// [`Prometheus::of`] queries it.
    ///
    /// # Errors
    /// As [`Server::redis`]. The first use builds it, which takes Go and some minutes.
    pub fn prometheus(config: &str) -> Result<Self> {
        // A part has to live as long as the process; a test has few of these.
        let part: &'static OwnPart = Box::leak(Box::new(OwnPart { config: config.to_owned() }));
        Self::start(part, |address| format!("http://{address}"))
    }
}

/// The path of promtool, which lints metrics and tests rules. It is built together with Prometheus.
///
/// # Errors
/// When it can't be built.
pub fn promtool() -> Result<PathBuf> {
    Ok(RECIPE.binary(&run::cache_folder()?)?.with_file_name("promtool"))
}

/// The API of Prometheus. Every call blocks. The Prometheus of a stack scrapes the collector twice a second.
#[derive(Debug, Clone)]
pub struct Prometheus {
    url: String,
}

impl Prometheus {
    /// The API of a server that [`Server::prometheus`] started.
    pub fn of(server: &Server) -> Self {
        Self { url: server.url().to_owned() }
    }

    /// The API of a running Prometheus, at this URL.
    pub fn at(url: &str) -> Self {
        Self { url: url.trim_end_matches('/').to_owned() }
    }

    /// The URL of the API, `http://127.0.0.1:PORT`.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The value of `promql` now, as an instant vector. A scalar is one sample without labels.
    ///
    /// # Errors
    /// When Prometheus refuses the expression, or the answer is a range or a native histogram.
    pub fn query(&self, promql: &str) -> Result<Vec<Sample>> {
        sample::all(&http::json(&format!("{}/api/v1/query", self.url), &[("query", promql)])?)
    }

    /// The syntax tree of `promql`, from `/api/v1/parse_query`.
    ///
    /// # Errors
    /// When it isn't PromQL.
    pub fn syntax(&self, promql: &str) -> Result<Value> {
        Ok(http::json(&format!("{}/api/v1/parse_query", self.url), &[("query", promql)])?["data"].take())
    }

    /// Queries `promql` until `accept` returns `true` for the samples.
    ///
    /// # Errors
    /// After `deadline`, with the last answer.
    pub fn eventually(
        &self,
        promql: &str,
        deadline: Duration,
        accept: impl Fn(&[Sample]) -> bool,
    ) -> Result<Vec<Sample>> {
        let what = format!("Prometheus's `{promql}`");
        poll::eventually(&what, deadline, || self.query(promql), |samples| accept(samples))
    }
}

impl Stack {
    /// Prometheus, which scrapes the collector.
    pub fn prometheus(&self) -> Prometheus {
        Prometheus { url: self.ports().url(NAME, "api") }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stack::PARTS;

    #[test]
    fn configuration_of_users_gets_the_addresses_of_the_stack() {
        let ports = Ports::choose(PARTS).unwrap();
        let config = config_for(&ports).unwrap();
        assert!(config.contains(&ports.address("collector", "metrics")), "{config}");
        assert!(!config.contains(":9464"), "{config}");
        assert!(RULES.iter().all(|(file, _)| config.contains(file)), "{config}");
    }
}
