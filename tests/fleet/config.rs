//! The files of `collector-config/` that a collector takes.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::Context;
use serde_json::Value;

/// One file.
pub(crate) struct Config {
    /// As the folder names it, `routes/file.yaml`.
    pub(crate) name: String,
    pub(crate) path: PathBuf,
    pub(crate) text: String,
    pub(crate) content: Value,
}

impl Config {
    /// Whether it needs no other: it has receivers of its own.
    pub(crate) fn is_whole(&self) -> bool {
        self.content.get("receivers").is_some()
    }

    pub(crate) fn pipelines(&self) -> anyhow::Result<BTreeMap<String, BTreeMap<String, Vec<String>>>> {
        Ok(serde_json::from_value(self.content["service"]["pipelines"].clone())?)
    }
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../collector-config")
}

fn read(name: String) -> anyhow::Result<Config> {
    let path = folder().join(&name);
    let text = std::fs::read_to_string(&path).with_context(|| name.clone())?;
    let content = serde_saphyr::from_str(&text).with_context(|| name.clone())?;
    Ok(Config { name, path, text, content })
}

/// What one of them says.
pub(crate) fn text(name: &str) -> anyhow::Result<String> {
    Ok(read(name.to_owned())?.text)
}

/// All that have pipelines, in the folder and in `routes/`.
pub(crate) fn all() -> anyhow::Result<Vec<Config>> {
    let mut found = Vec::new();
    for within in ["", "routes/"] {
        for entry in std::fs::read_dir(folder().join(within))? {
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
