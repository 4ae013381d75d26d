//! Finds the programs that cargo builds for a package's tests. Each package of `examples/` includes this file.

use std::path::PathBuf;

use anyhow::{Context as _, Result, ensure};

/// Returns the path of the example `name`: cargo puts examples into a folder next to the folder of the tests.
pub(crate) fn program(name: &str) -> Result<PathBuf> {
    let test = std::env::current_exe()?;
    let folder = test.ancestors().nth(2).context("the test runs outside of a target folder")?.join("examples");
    let program = folder.join(format!("{name}{}", std::env::consts::EXE_SUFFIX));
    ensure!(
        program.exists(),
        "{} must exist: run `cargo build --package {} --examples`",
        program.display(),
        env!("CARGO_PKG_NAME")
    );
    Ok(program)
}
