//! Running cargo from a program that cargo runs.

use std::ffi::OsStr;
use std::process::Command;

use anyhow::{Context, Result, ensure};
use cargo_metadata::{Metadata, MetadataCommand};

/// The cargo that runs this program, so that a toolchain chosen on the command line holds for all commands.
pub(crate) fn command<I: IntoIterator<Item = S>, S: AsRef<OsStr>>(arguments: I) -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.args(arguments);
    command
}

/// Runs a command to its end.
///
/// # Errors
/// If it can't be run, or fails.
pub(crate) fn succeed(command: &mut Command) -> Result<()> {
    let status = command.status().with_context(|| format!("cannot run {command:?}"))?;
    ensure!(status.success(), "{command:?}: {status}");
    Ok(())
}

/// The packages of this workspace, without their dependencies.
pub(crate) fn metadata() -> Result<Metadata> {
    MetadataCommand::new().no_deps().exec().context("cannot read the workspace")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failing_command_is_named() {
        succeed(&mut Command::new("true")).unwrap();
        let error = succeed(&mut Command::new("false")).unwrap_err().to_string();
        assert!(error.contains("false") && error.contains("exit status: 1"), "{error}");
    }
}
