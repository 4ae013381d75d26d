//! The files of `collector-config/`.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result};
pub(crate) use cachescope_tests::collector_config::{path, text};
use serde::de::DeserializeOwned;

/// The folder itself.
pub(crate) fn folder() -> PathBuf {
    path("")
}

/// A YAML file, parsed.
pub(crate) fn yaml<T: DeserializeOwned>(name: &str) -> Result<T> {
    serde_saphyr::from_str(&text(name)?).with_context(|| name.to_owned())
}

/// The names and contents of a folder's files with this extension.
pub(crate) fn in_folder(folder: &str, ending: &str) -> Result<Vec<(String, String)>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(path(folder)).with_context(|| folder.to_owned())? {
        let file = entry?.path();
        if file.extension().is_some_and(|found| found == ending) {
            files.push((file.display().to_string(), fs::read_to_string(&file)?));
        }
    }
    files.sort();
    Ok(files)
}
