//! Grafana's dashboards, read from their files.

use std::collections::BTreeSet;

use anyhow::{Context, Result, ensure};
use serde::Deserialize;

use crate::files;

/// A dashboard.
#[derive(Debug, Deserialize)]
pub(crate) struct Board {
    pub(crate) uid: String,
    pub(crate) title: String,
    panels: Vec<Panel>,
    templating: Templating,
}

#[derive(Debug, Deserialize)]
struct Templating {
    list: Vec<Variable>,
}

#[derive(Debug, Deserialize)]
struct Variable {
    name: String,
    r#type: String,
    #[serde(rename = "allValue")]
    all_value: Option<String>,
    query: Query,
}

/// The source of a variable. For Prometheus it has a field of the same name.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Query {
    Text(#[expect(dead_code, reason = "tells the two forms apart")] String),
    Prometheus { query: String },
}

/// A panel.
#[derive(Debug, Deserialize)]
pub(crate) struct Panel {
    pub(crate) id: u64,
    pub(crate) title: String,
    pub(crate) r#type: String,
    #[serde(default)]
    pub(crate) description: String,
    #[serde(rename = "fieldConfig")]
    field_config: Option<FieldConfig>,
    #[serde(default)]
    targets: Vec<Target>,
    #[serde(default)]
    panels: Vec<Panel>,
}

#[derive(Debug, Deserialize)]
struct FieldConfig {
    defaults: Defaults,
}

#[derive(Debug, Deserialize)]
struct Defaults {
    unit: Option<String>,
}

/// A query to Prometheus.
#[derive(Debug, Deserialize)]
pub(crate) struct Target {
    pub(crate) expr: String,
    #[serde(rename = "refId")]
    pub(crate) ref_id: String,
}

impl Board {
    /// Reads all dashboards.
    pub(crate) fn all() -> Result<Vec<Self>> {
        let mut boards = Vec::new();
        for (name, text) in files::in_folder("grafana/dashboards", "json")? {
            boards.push(serde_json::from_str(&text).with_context(|| name.clone())?);
        }
        ensure!(!boards.is_empty(), "there are no dashboards");
        Ok(boards)
    }

    /// All panels except rows, which only group panels.
    pub(crate) fn panels(&self) -> impl Iterator<Item = &Panel> {
        let inside = self.panels.iter().flat_map(|panel| std::iter::once(panel).chain(&panel.panels));
        inside.filter(|panel| panel.r#type != "row")
    }

    /// The metrics and labels of the variables at its head, from `label_values`.
    pub(crate) fn choices(&self) -> Vec<(String, String)> {
        let queries = self.templating.list.iter().filter_map(|variable| match &variable.query {
            Query::Prometheus { query } => Some(query.as_str()),
            Query::Text(_) => None,
        });
        let inner =
            queries.filter_map(|query| query.strip_prefix("label_values(")?.strip_suffix(')')?.rsplit_once(','));
        inner.map(|(metric, label)| (metric.trim().to_owned(), label.trim().to_owned())).collect()
    }

    /// An expression as Grafana sends it, for one service and for all values of all other variables.
    pub(crate) fn asked(&self, expr: &str, service: &str) -> String {
        let mut asked = expr.replace("$__rate_interval_ms", "60000").replace("$__rate_interval", "1m");
        asked = asked.replace("$__range", "1m").replace("$__interval", "1s");
        for variable in self.templating.list.iter().filter(|variable| variable.r#type == "query") {
            let chosen = match variable.name.as_str() {
                "service" => service,
                _ => variable.all_value.as_deref().unwrap_or(".*"),
            };
            for form in [
                format!("${{{}:regex}}", variable.name),
                format!("${{{}}}", variable.name),
                format!("${}", variable.name),
            ] {
                asked = asked.replace(&form, chosen);
            }
        }
        asked
    }
}

impl Panel {
    pub(crate) fn targets(&self) -> &[Target] {
        &self.targets
    }

    pub(crate) fn unit(&self) -> Option<&str> {
        self.field_config.as_ref()?.defaults.unit.as_deref()
    }
}

#[test]
fn panels_have_a_description_and_a_unit() {
    let boards = Board::all().unwrap();
    let uids: BTreeSet<&str> = boards.iter().map(|board| board.uid.as_str()).collect();
    assert_eq!(uids.len(), boards.len(), "two dashboards have one uid");
    for board in &boards {
        let mut ids = BTreeSet::new();
        for panel in board.panels() {
            let which = format!("{}: {}", board.title, panel.title);
            assert!(ids.insert(panel.id), "{which}: another has its id");
            assert!(panel.description.len() > 40, "{which}: says too little: {:?}", panel.description);
            assert!(panel.unit().is_some_and(|unit| !unit.is_empty()), "{which}: no unit");
            assert!(!panel.targets().is_empty(), "{which}: asks nothing");
            for target in panel.targets() {
                let asked = board.asked(&target.expr, "x");
                assert!(!asked.contains('$'), "{which}: what is left of {asked}?");
                let counts = target.expr.contains("rate(") && !target.expr.contains("$__rate_interval");
                assert!(!counts, "{which}: a rate over a fixed time: {}", target.expr);
            }
        }
        assert!(!ids.is_empty(), "{} is empty", board.title);
    }
}
