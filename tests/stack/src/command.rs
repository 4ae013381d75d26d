//! Commands that run to their end.

use std::io::Write;
use std::process::{Command, Stdio};
use std::thread;

use anyhow::{Context, Result, bail};

/// Runs `command` with `input` on its standard input, and returns what it wrote to its standard output.
///
/// # Errors
/// When it cannot be run or fails; shows all it said.
pub(crate) fn succeed(command: &mut Command, input: &str) -> Result<String> {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().with_context(|| format!("cannot run {command:?}"))?;
    let stdin = child.stdin.take();
    let output = thread::scope(|scope| {
        // Beside the reading: one that talks before it listens would have both wait. Whoever does not want its input
        // may close it.
        scope.spawn(|| stdin.map(|mut stdin| stdin.write_all(input.as_bytes())));
        child.wait_with_output()
    })?;
    let [said, complained] = [output.stdout, output.stderr].map(|text| String::from_utf8_lossy(&text).into_owned());
    if !output.status.success() {
        bail!("{command:?}: {}\n{said}\n{complained}", output.status);
    }
    Ok(said)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn input_goes_in_and_output_comes_out() {
        assert_eq!(succeed(&mut Command::new("cat"), "a\nb").unwrap(), "a\nb");
        let large = "x".repeat(1 << 20);
        assert_eq!(succeed(&mut Command::new("true"), &large).unwrap(), "");
    }

    #[test]
    fn a_failure_shows_what_was_said() {
        let error = succeed(Command::new("sh").args(["-c", "echo why >&2; exit 4"]), "").unwrap_err().to_string();
        assert!(error.contains("why") && error.contains("exit status: 4"), "{error}");
    }
}
