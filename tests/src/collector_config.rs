//! The files of `collector-config/`.

use std::path::PathBuf;

use anyhow::Context;

/// Where one of them is.
#[must_use]
pub fn path(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../collector-config").join(name)
}

/// What one of them says.
///
/// # Errors
/// If it can't be read.
pub fn text(name: &str) -> anyhow::Result<String> {
    std::fs::read_to_string(path(name)).with_context(|| name.to_owned())
}
