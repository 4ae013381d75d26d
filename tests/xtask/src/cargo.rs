//! Calling cargo from within cargo.

use std::ffi::OsStr;
use std::process::Command;

use anyhow::{Context, Result, ensure};

/// The cargo that runs us, so that a toolchain chosen on the command line holds for what we start too.
pub(crate) fn command<I: IntoIterator<Item = S>, S: AsRef<OsStr>>(arguments: I) -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.args(arguments);
    command
}

/// Runs a command to its end, an error unless it succeeds.
pub(crate) fn succeed(command: &mut Command) -> Result<()> {
    let status = command.status().with_context(|| format!("cannot run {command:?}"))?;
    ensure!(status.success(), "{command:?}: {status}");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failing_command_is_named() {
        succeed(&mut Command::new("true")).unwrap();
        let error = succeed(&mut Command::new("false")).unwrap_err().to_string();
        assert!(error.contains("false") && error.contains("exit status: 1"), "{error}");
    }
}
