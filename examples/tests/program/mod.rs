//! Where cargo puts the examples that it builds with the tests.

use std::path::PathBuf;

use anyhow::{Context as _, Result, ensure};

/// The program of an example: in a folder beside that of the tests.
pub(crate) fn program(example: &str) -> Result<PathBuf> {
    let test = std::env::current_exe()?;
    let folder = test.ancestors().nth(2).context("tests are in a folder of their profile's")?.join("examples");
    let program = folder.join(format!("{example}{}", std::env::consts::EXE_SUFFIX));
    ensure!(
        program.exists(),
        "no {}: `cargo build --package cachescope-examples --examples` makes it",
        program.display()
    );
    Ok(program)
}
