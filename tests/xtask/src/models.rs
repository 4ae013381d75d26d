//! Models of concurrent code, which loom runs through the orders its threads' steps can take.

use std::process::Command;

use anyhow::Result;
use cargo_metadata::MetadataCommand;

use crate::cargo;

/// Crates that have models: unit tests in a module called `model`.
const CRATES: [&str; 2] = ["cachescope", "cachescope-core"];

/// Runs them all.
pub(crate) fn command() -> Result<Command> {
    let metadata = MetadataCommand::new().no_deps().exec()?;
    let mut command = cargo::command(["test", "--release", "--lib", "--no-default-features"]);
    command.args(CRATES.iter().flat_map(|name| ["--package", name])).arg("model::");
    // In a folder of its own: the flag is one for dependencies too, and would make cargo build all of them anew.
    command.env("CARGO_TARGET_DIR", metadata.target_directory.join("loom"));
    let flags = std::env::var("RUSTFLAGS").unwrap_or_default();
    command.env_remove("CARGO_ENCODED_RUSTFLAGS").env("RUSTFLAGS", format!("{flags} --cfg loom"));
    Ok(command)
}
