//! Prometheus: scrapes the collector, and answers what arrived.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Result, ensure};
use serde_json::Value;

use crate::http;
use crate::part::Part;
use crate::poll;
use crate::ports::Ports;
use crate::recipe::Recipe;
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

/// What that names.
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
            // Else the first scrape comes five seconds late.
            .arg("--scrape.discovery-reload-interval=100ms")
            .arg(format!("--web.listen-address={}", ports.address(NAME, "api")));
        Ok(command)
    }

    fn ready(&self, ports: &Ports) -> Result<bool> {
        http::healthy(&format!("{}/-/ready", ports.url(NAME, "api")))
    }
}

/// The users' scrape configuration with this stack's addresses, and in a hurry: Prometheus, unlike the collector, takes
/// neither from the environment.
fn config_for(ports: &Ports) -> Result<String> {
    let changes = [
        ("127.0.0.1:9464", ports.address("collector", "metrics")),
        ("127.0.0.1:8888", ports.address("collector", "self_metrics")),
        ("scrape_interval: 15s", "scrape_interval: 500ms".to_owned()),
        ("scrape_timeout: 10s", "scrape_timeout: 500ms".to_owned()),
    ];
    changes.iter().try_fold(CONFIG.to_owned(), |config, (from, to)| {
        ensure!(config.matches(from).count() == 1, "prometheus.yaml should say `{from}` once");
        Ok(config.replace(from, to))
    })
}

/// One with a configuration of a test's own, which takes OTLP as well.
#[derive(Debug)]
struct OwnPart {
    config: String,
}

/// What a [`Server`] calls the port for clients.
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
    /// Prometheus with this configuration, in YAML. It takes OTLP below `/api/v1/otlp` of its URL; [`Prometheus::of`]
    /// asks it.
    ///
    /// # Errors
    /// As [`Server::redis`]; building it on first use takes Go and some minutes.
    pub fn prometheus(config: &str) -> Result<Self> {
        // Parts are named by who runs them for as long as the process lives; a test has few of these.
        let part: &'static OwnPart = Box::leak(Box::new(OwnPart { config: config.to_owned() }));
        Self::start(part, |address| format!("http://{address}"))
    }
}

/// The program that lints metrics and tests rules, built together with Prometheus.
///
/// # Errors
/// When it can't be built.
pub fn promtool() -> Result<PathBuf> {
    Ok(RECIPE.binary(&run::cache_folder()?)?.with_file_name("promtool"))
}

/// Prometheus's answers. Every call blocks. The stack's scrapes the collector twice a second.
#[derive(Debug, Clone)]
pub struct Prometheus {
    url: String,
}

impl Prometheus {
    /// The one that [`Server::prometheus`] started.
    pub fn of(server: &Server) -> Self {
        Self { url: server.url().to_owned() }
    }

    /// One that is there already, with its API's base.
    pub fn at(url: &str) -> Self {
        Self { url: url.trim_end_matches('/').to_owned() }
    }

    /// Its API's base, `http://127.0.0.1:PORT`.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// What `promql` is right now, as an instant vector; a scalar comes as one sample without labels.
    ///
    /// # Errors
    /// When Prometheus refuses the expression, or it is a range or a native histogram.
    pub fn query(&self, promql: &str) -> Result<Vec<Sample>> {
        sample::all(&http::json(&format!("{}/api/v1/query", self.url), &[("query", promql)])?)
    }

    /// The syntax tree of `promql`, as `/api/v1/parse_query` has it.
    ///
    /// # Errors
    /// When it isn't PromQL.
    pub fn syntax(&self, promql: &str) -> Result<Value> {
        Ok(http::json(&format!("{}/api/v1/parse_query", self.url), &[("query", promql)])?["data"].take())
    }

    /// Asks `promql` until `accept` likes the samples.
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
    fn the_users_configuration_takes_this_stacks_addresses() {
        let ports = Ports::choose(PARTS).unwrap();
        let config = config_for(&ports).unwrap();
        assert!(config.contains(&ports.address("collector", "metrics")), "{config}");
        assert!(!config.contains(":9464"), "{config}");
        assert!(RULES.iter().all(|(file, _)| config.contains(file)), "{config}");
    }
}
