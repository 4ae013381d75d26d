//! The files of `collector-config/`.

use std::path::PathBuf;

use anyhow::Context;

/// Returns the path of a file.
#[must_use]
pub fn path(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../collector-config").join(name)
}

/// Reads a file.
///
/// # Errors
/// If it can't be read.
pub fn text(name: &str) -> anyhow::Result<String> {
    std::fs::read_to_string(path(name)).with_context(|| name.to_owned())
}
