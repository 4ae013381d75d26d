//! `cargo xtask bench`.

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};

use anyhow::{Context, Result, ensure};
use cargo_metadata::Message;
use clap::ValueEnum;

use crate::callgrind;
use crate::cargo;
use crate::steps::Steps;
use crate::table;

/// The iterations of a case's two runs. Their difference doesn't include the set-up, which both runs share.
const COUNTS: (u64, u64) = (100_000, 200_000);

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Measurement {
    /// The ratio of a hit's time to that of a bare look-up, in one run.
    Ratio,
    /// The instructions per hit, under valgrind.
    Instructions,
    /// The ratio of a hit's time with insight to that without, in one run.
    Insight,
    /// The ratio of the time of hits and misses in a shared store to that of the bare client, in one run.
    Remote,
}

pub(crate) fn run(only: Option<Measurement>) -> Result<ExitCode> {
    let wanted = |measurement| only.is_none_or(|only| only == measurement);
    let steps = Steps::default();
    if wanted(Measurement::Ratio) {
        steps.run("ratio", || cargo::succeed(hit(["run", "--release"]).args(["--", "ratio"])));
    }
    if wanted(Measurement::Insight) {
        steps.run("insight", || cargo::succeed(hit(["run", "--release"]).args(["--", "insight"])));
    }
    if wanted(Measurement::Instructions) {
        steps.run("instructions", instructions);
    }
    if wanted(Measurement::Remote) {
        let mut command = cargo::command(["run", "--release", "--package", "cachescope-benches", "--bin", "remote"]);
        steps.run("remote", || cargo::succeed(&mut command));
    }
    Ok(steps.finish())
}

fn hit<const N: usize>(arguments: [&str; N]) -> Command {
    let mut command = cargo::command(arguments);
    command.args(["--package", "cachescope-benches", "--bin", "hit"]);
    command
}

fn instructions() -> Result<()> {
    cachescope_harness::program("valgrind", "valgrind")?;
    let binary = build()?;
    let mut table = table::plain(["case", "instructions per iteration"]);
    for case in cases(&binary)? {
        let (few, many) = COUNTS;
        let difference = callgrind::count(&binary, &case, many)? as f64 - callgrind::count(&binary, &case, few)? as f64;
        table.add_row([case, format!("{:.1}", difference / (many - few) as f64)]);
    }
    println!("{table}");
    Ok(())
}

/// Builds the benchmark and returns its path, which cargo reports, as it depends on the user's settings.
fn build() -> Result<PathBuf> {
    let mut command = hit(["build", "--release", "--message-format=json-render-diagnostics"]);
    let output = command.stderr(Stdio::inherit()).output().context("cannot run cargo")?;
    ensure!(output.status.success(), "{command:?}: {}", output.status);
    let executable = Message::parse_stream(output.stdout.as_slice()).find_map(|message| match message {
        Ok(Message::CompilerArtifact(artifact)) => artifact.executable,
        _ => None,
    });
    Ok(executable.context("cargo built no executable called hit")?.into_std_path_buf())
}

fn cases(binary: &Path) -> Result<Vec<String>> {
    let output = Command::new(binary).arg("cases").stderr(Stdio::inherit()).output()?;
    ensure!(output.status.success(), "{} cases: {}", binary.display(), output.status);
    let cases: Vec<String> = String::from_utf8(output.stdout)?.lines().map(str::to_owned).collect();
    ensure!(!cases.is_empty(), "{} cases: none", binary.display());
    Ok(cases)
}
