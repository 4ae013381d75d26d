//! The instructions of a program, counted by valgrind.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, ensure};

/// Counts the instructions of `binary count CASE ITERATIONS`, from start to end.
pub(crate) fn count(binary: &Path, case: &str, iterations: u64) -> Result<u64> {
    let folder = tempfile::tempdir()?;
    let output = Command::new("valgrind")
        .arg("--tool=callgrind")
        .arg(format!("--callgrind-out-file={}", folder.path().join("out").display()))
        .arg(binary)
        .args(["count", case, &iterations.to_string()])
        .output()
        .context("cannot run valgrind")?;
    let report = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{case} under valgrind: {}\n{report}", output.status);
    collected(&report).with_context(|| format!("valgrind reports no count of {case}:\n{report}"))
}

/// The number in valgrind's line `==PID== Collected : N`.
fn collected(report: &str) -> Option<u64> {
    let (_, number) = report.lines().rev().find_map(|line| line.split_once("Collected :"))?;
    number.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn count_is_found_in_the_report_of_valgrind() {
        let report = "==7== Callgrind\n==7== Events    : Ir\n==7== Collected : 1234567\n==7==\n";
        assert_eq!(collected(report), Some(1_234_567));
        assert_eq!(collected("==7== Events    : Ir\n"), None);
    }
}
