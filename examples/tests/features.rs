//! Every example of a feature runs, and what it asserts holds.

mod program;

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use program::program;

/// The names of the examples, from their files: one that is forgotten in the manifest has no program.
fn examples() -> Result<Vec<String>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("features");
    let paths: Vec<PathBuf> = std::fs::read_dir(folder)?.map(|entry| Ok(entry?.path())).collect::<Result<_>>()?;
    let name = |path: &PathBuf| Some(path.file_stem()?.to_str()?.to_owned());
    paths.iter().map(|path| name(path).with_context(|| format!("{}: no name", path.display()))).collect()
}

#[test]
fn every_example_of_a_feature_does_what_it_says() -> Result<()> {
    let examples = examples()?;
    assert!(examples.len() >= 23, "{examples:?}");
    for example in examples {
        let output = Command::new(program(&example)?).output()?;
        ensure!(output.status.success(), "{example}: {}", String::from_utf8_lossy(&output.stderr));
        ensure!(!output.stdout.is_empty(), "{example} shows nothing");
    }
    Ok(())
}
