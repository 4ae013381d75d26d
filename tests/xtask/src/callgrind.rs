//! Counting a program's instructions.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, ensure};

/// The instructions of `binary count CASE ITERATIONS`, from start to end.
pub(crate) fn count(binary: &Path, case: &str, iterations: u64) -> Result<u64> {
    let folder = tempfile::tempdir()?;
    let output = Command::new("valgrind")
        .arg("--tool=callgrind")
        .arg(format!("--callgrind-out-file={}", folder.path().join("out").display()))
        .arg(binary)
        .args(["count", case, &iterations.to_string()])
        .output()
        .context("cannot run valgrind")?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{case} under valgrind: {}\n{said}", output.status);
    collected(&said).with_context(|| format!("valgrind tells no count of {case}:\n{said}"))
}

/// The number in valgrind's line `==PID== Collected : N`.
fn collected(said: &str) -> Option<u64> {
    let (_, number) = said.lines().rev().find_map(|line| line.split_once("Collected :"))?;
    number.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_count_is_found_among_what_valgrind_says() {
        let said = "==7== Callgrind\n==7== Events    : Ir\n==7== Collected : 1234567\n==7==\n";
        assert_eq!(collected(said), Some(1_234_567));
        assert_eq!(collected("==7== Events    : Ir\n"), None);
    }
}
