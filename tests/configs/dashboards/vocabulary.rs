//! The names of Prometheus for all metrics: those of the contract, of collectors and of recording rules.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Result, ensure};
use cachescope_tests::contract::{Contract, Metric};

use super::rules::Rule;
use super::selector::{Matcher, Selector};
use crate::files;

/// Labels of resources, of scrapes and of histograms.
const EVERYWHERE: [&str; 8] = [
    "deployment_environment_name",
    "instance",
    "job",
    "le",
    "service_instance_id",
    "service_name",
    "service_namespace",
    "__name__",
];

/// Labels of collectors' own metrics, and of recording rules for them.
const OF_COLLECTORS: [&str; 4] = ["data_type", "error", "exporter", "metric"];

/// Metrics with their labels, and labels with their listed values.
#[derive(Debug)]
pub(crate) struct Known {
    metrics: BTreeMap<String, BTreeSet<String>>,
    values: BTreeMap<String, BTreeSet<String>>,
}

impl Known {
    /// Reads the contract, the list of collectors' metrics in the README, and the rules.
    pub(crate) fn read() -> Result<Self> {
        let contract = Contract::whole()?;
        let mut metrics = BTreeMap::new();
        for (name, metric) in &contract.metrics {
            let labels: BTreeSet<String> = metric.attributes.keys().map(|name| name.replace('.', "_")).collect();
            for exposed in exposed(name, metric) {
                metrics.insert(exposed, labels.clone());
            }
        }
        let readme = files::text("README.md")?;
        let listed = readme.split('`').map(|word| word.split('{').next().unwrap_or(word));
        let listed = listed.filter(|word| word.starts_with("otelcol_")).map(str::to_owned);
        let of_collectors: BTreeSet<String> = OF_COLLECTORS.map(str::to_owned).into();
        for name in listed.chain(["up".to_owned()]) {
            metrics.entry(name).or_insert_with(|| of_collectors.clone());
        }
        let attributes: BTreeSet<String> = contract.attributes.keys().map(|name| name.replace('.', "_")).collect();
        for recorded in Rule::all()?.into_iter().filter_map(|rule| rule.record) {
            let labels = if recorded.starts_with("cachescope:") { &attributes } else { &of_collectors };
            metrics.insert(recorded, labels.clone());
        }
        let values = contract.attributes.into_iter();
        let values = values.filter_map(|(name, values)| Some((name.replace('.', "_"), values?))).collect();
        Ok(Self { metrics, values })
    }

    /// Checks that a selector can match.
    pub(crate) fn check(&self, selector: &Selector) -> Result<()> {
        for metric in &selector.metric.values {
            let Some(labels) = self.metrics.get(metric) else {
                anyhow::bail!("no metric is called {metric}");
            };
            for matcher in &selector.labels {
                ensure!(
                    labels.contains(&matcher.label) || EVERYWHERE.contains(&matcher.label.as_str()),
                    "{metric} has no label {}",
                    matcher.label
                );
                self.check_values(matcher)?;
            }
        }
        Ok(())
    }

    /// Checks that a metric has a label that is used for grouping or joining.
    pub(crate) fn check_label(&self, label: &str) -> Result<()> {
        let known = EVERYWHERE.contains(&label) || self.metrics.values().any(|labels| labels.contains(label));
        ensure!(known, "no metric has a label {label}");
        Ok(())
    }

    fn check_values(&self, matcher: &Matcher) -> Result<()> {
        let Some(listed) = self.values.get(&matcher.label) else { return Ok(()) };
        for value in matcher.values.iter().filter(|value| !matches!(value.as_str(), "" | ".*" | ".+")) {
            ensure!(listed.contains(value), "{} is never {value}", matcher.label);
        }
        Ok(())
    }
}

/// The names of a metric in Prometheus; a histogram has three.
fn exposed(name: &str, metric: &Metric) -> Vec<String> {
    let unit = match metric.unit.as_str() {
        "s" => "_seconds",
        "By" => "_bytes",
        _ => "",
    };
    let base = name.replace('.', "_") + unit;
    match metric.instrument.as_str() {
        "counter" => vec![base + "_total"],
        "histogram" => ["_bucket", "_sum", "_count"].map(|suffix| format!("{base}{suffix}")).into(),
        _ => vec![base],
    }
}
