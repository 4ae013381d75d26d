//! Models of concurrent code, which loom runs in every order of the threads' steps.

use std::process::Command;

use cargo_metadata::Metadata;

use crate::cargo;

/// The dependency that only crates with models have.
const LOOM: &str = "loom";

/// Runs all models: unit tests in modules called `model`.
pub(crate) fn command(metadata: &Metadata) -> Command {
    let mut command = cargo::command(["test", "--profile", "loom", "--lib", "--no-default-features"]);
    command.args(crates(metadata).iter().flat_map(|name| ["--package", name])).arg("model::");
    // In its own target folder: the flag also holds for dependencies, so cargo would build all of them again.
    command.env("CARGO_TARGET_DIR", metadata.target_directory.join("loom"));
    let flags = std::env::var("RUSTFLAGS").unwrap_or_default();
    command.env_remove("CARGO_ENCODED_RUSTFLAGS").env("RUSTFLAGS", format!("{flags} --cfg loom"));
    command
}

/// The crates that have models.
fn crates(metadata: &Metadata) -> Vec<String> {
    let has_models = metadata.workspace_packages().into_iter().filter(|package| {
        package.dependencies.iter().any(|dependency| dependency.name == LOOM && !dependency.optional)
    });
    has_models.map(|package| package.name.to_string()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn crates_with_models_are_those_that_depend_on_loom() {
        let crates = crates(&cargo::metadata().unwrap());
        assert!(crates.contains(&"cachescope".to_owned()) && !crates.contains(&"xtask".to_owned()), "{crates:?}");
        assert!(crates.len() >= 2, "{crates:?}");
    }
}
