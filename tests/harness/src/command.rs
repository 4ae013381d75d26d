//! Commands that run to their end.

use std::io::Write;
use std::process::{Command, Stdio};
use std::thread;

use anyhow::{Context, Result, bail};

/// Runs `command` with `input` on its standard input, and returns its standard output.
///
/// # Errors
/// When it can't be run or fails; shows all output.
pub(crate) fn succeed(command: &mut Command, input: &str) -> Result<String> {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().with_context(|| format!("cannot run {command:?}"))?;
    let stdin = child.stdin.take();
    let output = thread::scope(|scope| {
        // In a thread of its own: a command that writes before it reads would block both. A command may close its
        // input.
        scope.spawn(|| stdin.map(|mut stdin| stdin.write_all(input.as_bytes())));
        child.wait_with_output()
    })?;
    let [stdout, stderr] = [output.stdout, output.stderr].map(|text| String::from_utf8_lossy(&text).into_owned());
    if !output.status.success() {
        bail!("{command:?}: {}\n{stdout}\n{stderr}", output.status);
    }
    Ok(stdout)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn command_gets_its_input_and_returns_its_output() {
        assert_eq!(succeed(&mut Command::new("cat"), "a\nb").unwrap(), "a\nb");
        let large = "x".repeat(1 << 20);
        assert_eq!(succeed(&mut Command::new("true"), &large).unwrap(), "");
    }

    #[test]
    fn failed_command_shows_its_output() {
        let error = succeed(Command::new("sh").args(["-c", "echo why >&2; exit 4"]), "").unwrap_err().to_string();
        assert!(error.contains("why") && error.contains("exit status: 4"), "{error}");
    }
}
