//! The files of `collector-config/`.

use std::path::PathBuf;

use anyhow::{Context, Result};
use cachescope_tests::collector_config::path;
pub(crate) use cachescope_tests::collector_config::text;
use serde::de::DeserializeOwned;

pub(crate) fn folder() -> PathBuf {
    path("")
}

pub(crate) fn yaml<T: DeserializeOwned>(name: &str) -> Result<T> {
    serde_saphyr::from_str(&text(name)?).with_context(|| name.to_owned())
}
