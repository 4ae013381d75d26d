//! Runs every feature's example; the assertions in the examples hold.

#[path = "../../program.rs"]
mod program;

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use program::program;

/// Returns the names of the examples, by their files. An example that is missing in the manifest has no program.
fn examples() -> Result<Vec<String>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut paths: Vec<PathBuf> = std::fs::read_dir(folder)?.map(|entry| Ok(entry?.path())).collect::<Result<_>>()?;
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "rs"));
    let name = |path: &PathBuf| Some(path.file_stem()?.to_str()?.to_owned());
    paths.iter().map(|path| name(path).with_context(|| format!("{}: no name", path.display()))).collect()
}

#[test]
fn every_feature_example_succeeds() -> Result<()> {
    let examples = examples()?;
    assert!(examples.len() >= 23, "{examples:?}");
    for example in examples {
        let output = Command::new(program(&example)?).output()?;
        ensure!(output.status.success(), "{example}: {}", String::from_utf8_lossy(&output.stderr));
        ensure!(!output.stdout.is_empty(), "{example} prints nothing");
    }
    Ok(())
}
