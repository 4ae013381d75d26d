//! The configurations of the collector in `collector-config/`.

use std::collections::BTreeMap;
use std::path::PathBuf;

use anyhow::Context;
use serde_json::Value;

use crate::files::{path, text};

/// A configuration.
pub(crate) struct Config {
    /// The path within the folder, `routes/file.yaml`.
    pub(crate) name: String,
    pub(crate) path: PathBuf,
    pub(crate) text: String,
    pub(crate) content: Value,
}

impl Config {
    /// Whether it is complete without another one: it has receivers.
    pub(crate) fn is_whole(&self) -> bool {
        self.content.get("receivers").is_some()
    }

    pub(crate) fn pipelines(&self) -> anyhow::Result<BTreeMap<String, BTreeMap<String, Vec<String>>>> {
        Ok(serde_json::from_value(self.content["service"]["pipelines"].clone())?)
    }
}

fn read(name: String) -> anyhow::Result<Config> {
    let (path, text) = (path(&name), text(&name)?);
    let content = serde_saphyr::from_str(&text).with_context(|| name.clone())?;
    Ok(Config { name, path, text, content })
}

/// All files with pipelines, in the folder and in `routes/`.
pub(crate) fn all() -> anyhow::Result<Vec<Config>> {
    let mut found = Vec::new();
    for within in ["", "routes/"] {
        for entry in std::fs::read_dir(path(within))? {
            let file = entry?.file_name().to_string_lossy().into_owned();
            if file.ends_with(".yaml") {
                let config = read(format!("{within}{file}"))?;
                found.extend(config.content["service"].get("pipelines").is_some().then_some(config));
            }
        }
    }
    found.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(found)
}
