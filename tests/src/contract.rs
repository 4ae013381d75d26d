//! The telemetry contract, read from its files in OpenTelemetry's semantic-convention format.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use anyhow::{Context, bail};
use serde::Deserialize;

/// All telemetry of the contract.
#[derive(Debug, Default)]
pub struct Contract {
    /// Attributes by name, with their possible values if these are listed.
    pub attributes: BTreeMap<String, Option<BTreeSet<String>>>,
    /// Metrics by name.
    pub metrics: BTreeMap<String, Metric>,
    /// The attributes of spans, by the first word of the spans' names.
    pub spans: BTreeMap<String, Attributes>,
}

/// A metric of the contract.
#[derive(Debug)]
pub struct Metric {
    /// The instrument, as the conventions name it.
    pub instrument: String,
    /// The unit, in UCUM.
    pub unit: String,
    /// The description.
    pub brief: String,
    /// The attributes.
    pub attributes: Attributes,
}

/// Attributes by name: whether they are required.
pub type Attributes = BTreeMap<String, bool>;

#[derive(Deserialize)]
struct File {
    groups: Vec<Group>,
}

#[derive(Deserialize)]
struct Group {
    id: String,
    r#type: String,
    #[serde(default)]
    brief: String,
    metric_name: Option<String>,
    instrument: Option<String>,
    unit: Option<String>,
    #[serde(default)]
    attributes: Vec<Attribute>,
}

#[derive(Deserialize)]
struct Attribute {
    id: Option<String>,
    r#ref: Option<String>,
    r#type: Option<Type>,
    requirement_level: Option<Level>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Type {
    Named(#[expect(dead_code, reason = "distinguishes an open type from a list of members")] String),
    Members { members: Vec<Member> },
}

#[derive(Deserialize)]
struct Member {
    value: String,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Level {
    Named(String),
    Conditional(#[expect(dead_code, reason = "the condition is for people")] BTreeMap<String, String>),
}

impl Contract {
    /// Reads the contract of caches.
    ///
    /// # Errors
    /// If a file is missing, has another format, or uses an undefined attribute.
    pub fn read() -> anyhow::Result<Self> {
        Self::of(&["attributes.yaml", "metrics.yaml", "spans.yaml"])
    }

    /// Reads the contract of caches, clients and exporters.
    ///
    /// # Errors
    /// As [`read`](Self::read).
    pub fn whole() -> anyhow::Result<Self> {
        Self::of(&["attributes.yaml", "metrics.yaml", "spans.yaml", "client.yaml", "exporter.yaml"])
    }

    fn of(files: &[&str]) -> anyhow::Result<Self> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../sdk/telemetry/semconv");
        let mut contract = Self::default();
        for name in files {
            let text = std::fs::read_to_string(folder.join(name)).with_context(|| (*name).to_owned())?;
            let file: File = serde_saphyr::from_str(&text).with_context(|| (*name).to_owned())?;
            for group in file.groups {
                contract.add(group)?;
            }
        }
        Ok(contract)
    }

    fn add(&mut self, group: Group) -> anyhow::Result<()> {
        if group.r#type == "attribute_group" {
            for attribute in group.attributes {
                let id = attribute.id.with_context(|| format!("{}: an attribute without id", group.id))?;
                let values = match attribute.r#type {
                    Some(Type::Members { members }) => Some(members.into_iter().map(|member| member.value).collect()),
                    _ => None,
                };
                self.attributes.insert(id, values);
            }
            return Ok(());
        }
        let mut attributes = Attributes::new();
        for attribute in group.attributes {
            let name = attribute.r#ref.with_context(|| format!("{}: an attribute without ref", group.id))?;
            if !self.attributes.contains_key(&name) {
                bail!("{}: no attribute {name} is defined", group.id);
            }
            attributes
                .insert(name, matches!(attribute.requirement_level, Some(Level::Named(level)) if level == "required"));
        }
        match group.r#type.as_str() {
            "metric" => {
                let missing = || format!("{}: metric_name, instrument or unit is missing", group.id);
                let metric = Metric {
                    instrument: group.instrument.with_context(missing)?,
                    unit: group.unit.with_context(missing)?,
                    brief: group.brief,
                    attributes,
                };
                self.metrics.insert(group.metric_name.with_context(missing)?, metric);
            }
            "span" => {
                let name = group.id.strip_prefix("span.").with_context(|| format!("{}: not span.…", group.id))?;
                self.spans.insert(name.to_owned(), attributes);
            }
            other => bail!("{}: unknown type {other}", group.id),
        }
        Ok(())
    }
}
