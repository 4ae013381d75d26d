//! Prometheus's rules, read from their files.

use std::collections::BTreeSet;
use std::process::Command;

use anyhow::{Context, Result};
use cachescope_harness::promtool;
use serde::Deserialize;

use crate::files;

const FILES: [&str; 2] = ["rules/recording.yaml", "rules/alerts.yaml"];

#[derive(Deserialize)]
struct File {
    groups: Vec<Group>,
}

#[derive(Deserialize)]
struct Group {
    rules: Vec<Rule>,
}

/// A recording rule or an alert.
#[derive(Debug, Deserialize)]
pub(crate) struct Rule {
    pub(crate) record: Option<String>,
    pub(crate) alert: Option<String>,
    pub(crate) expr: String,
    #[serde(default)]
    annotations: Annotations,
}

#[derive(Debug, Default, Deserialize)]
struct Annotations {
    summary: Option<String>,
    runbook: Option<String>,
}

impl Rule {
    /// Reads all rules.
    pub(crate) fn all() -> Result<Vec<Self>> {
        let mut rules = Vec::new();
        for name in FILES {
            let file: File = serde_saphyr::from_str(&files::text(name)?).with_context(|| name.to_owned())?;
            rules.extend(file.groups.into_iter().flat_map(|group| group.rules));
        }
        Ok(rules)
    }

    pub(crate) fn name(&self) -> &str {
        self.record.as_deref().or(self.alert.as_deref()).unwrap_or_default()
    }
}

#[test]
fn alerts_fire_and_stay_quiet_in_the_tests_of_promtool() {
    let run = |arguments: &[&str]| {
        let output =
            Command::new(promtool().unwrap()).args(arguments).current_dir(files::path("rules")).output().unwrap();
        let shown = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "promtool {arguments:?}: {shown}");
    };
    run(&["check", "rules", "recording.yaml", "alerts.yaml"]);
    run(&["test", "rules", "alerts_test.yaml"]);
    // Each alert has a test.
    let tried = files::text("rules/alerts_test.yaml").unwrap();
    for alert in Rule::all().unwrap().iter().filter_map(|rule| rule.alert.as_deref()) {
        assert!(tried.contains(&format!("alertname: {alert}\n")), "{alert} is never expected to fire");
    }
}

#[test]
fn alerts_have_runbooks() {
    let runbooks = files::text("rules/runbooks.md").unwrap();
    let headings: BTreeSet<&str> = runbooks.lines().filter_map(|line| line.strip_prefix("## ")).collect();
    let rules = Rule::all().unwrap();
    let alerts: BTreeSet<&str> = rules.iter().filter_map(|rule| rule.alert.as_deref()).collect();
    assert_eq!(headings, alerts);
    for rule in rules.iter().filter(|rule| rule.alert.is_some()) {
        let name = rule.name();
        assert!(rule.annotations.summary.is_some(), "{name} doesn't say what happened");
        assert_eq!(rule.annotations.runbook, Some(format!("runbooks.md#{}", name.to_lowercase())));
    }
}
