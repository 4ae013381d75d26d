//! Files of `collector-config`.

use std::fs;

use anyhow::{Context, Result};
pub(crate) use cachescope_tests::collector_config::{path, text};

/// The files of a folder with this ending, by name.
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
