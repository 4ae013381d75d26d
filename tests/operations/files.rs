//! The files of `collector-config/`.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde::de::DeserializeOwned;

pub(crate) fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../collector-config")
}

pub(crate) fn text(name: &str) -> Result<String> {
    let path = folder().join(name);
    std::fs::read_to_string(&path).with_context(|| path.display().to_string())
}

pub(crate) fn yaml<T: DeserializeOwned>(name: &str) -> Result<T> {
    serde_saphyr::from_str(&text(name)?).with_context(|| name.to_owned())
}
