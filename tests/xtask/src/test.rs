//! `cargo xtask test`.

use std::ffi::OsString;
use std::process::ExitCode;
use std::thread;

use anyhow::Result;
use cachescope_harness::{Stack, parts};
use cargo_metadata::Metadata;

use crate::binaries::{self, Binary, Needs};
use crate::cargo;
use crate::features;
use crate::models;
use crate::steps::Steps;

/// The variable that names the state file of a running stack.
const STACK: &str = "CACHESCOPE_STACK";

/// Runs the tests, or `cargo test` with `arguments` if there are any, on a running stack.
pub(crate) fn run(fast: bool, arguments: &[String]) -> Result<ExitCode> {
    let (metadata, steps) = (cargo::metadata()?, Steps::default());
    if fast {
        run_fast(&metadata, &steps, arguments)?;
    } else if arguments.is_empty() {
        run_all(&metadata, &steps)?;
    } else if let Some(running) = Running::start(&steps) {
        let mut command = cargo::command(["test", "--workspace", "--all-features"]);
        command.args(arguments).envs(running.settings());
        steps.run("test", || cargo::succeed(&mut command));
        running.stop(&steps);
    }
    Ok(steps.finish())
}

/// Runs the tests that need no real part.
fn run_fast(metadata: &Metadata, steps: &Steps, arguments: &[String]) -> Result<()> {
    anyhow::ensure!(arguments.is_empty(), "--fast takes no arguments for cargo: run `cargo test` with them instead");
    let libraries = ("LD_LIBRARY_PATH", binaries::library_path()?);
    if let Some(binaries) = steps.run("build the tests", || binaries::build(metadata, true)) {
        run_each(steps, &binaries, Needs::Nothing, &[libraries]);
        steps.run("doctests", doctests);
    }
    Ok(())
}

/// Runs everything. Parts are built while the tests compile and while tests that compute run. Tests with parts run after
/// these, because their time limits need a machine that isn't busy.
fn run_all(metadata: &Metadata, steps: &Steps) -> Result<()> {
    let libraries = ("LD_LIBRARY_PATH", binaries::library_path()?);
    thread::scope(|scope| {
        let building = scope.spawn(|| build_parts(steps));
        let binaries = steps.run("build the tests", || binaries::build(metadata, false)).unwrap_or_default();
        let (without_parts, binaries): (Vec<_>, Vec<_>) =
            binaries.into_iter().partition(|binary| binary.needs == Needs::Nothing);
        let settings = [libraries.clone()];
        run_each(steps, &without_parts, Needs::Nothing, &settings);
        steps.run("doctests", doctests);
        steps.run("models", || cargo::succeed(&mut models::command(metadata)));
        features::check_all(metadata, steps);
        // Without the parts, all of these tests would fail for the same reason.
        let running = building.join().unwrap_or(false).then(|| Running::start(steps)).flatten();
        let settings: Vec<_> = running.iter().flat_map(Running::settings).chain([libraries]).collect();
        if let Some(running) = running {
            run_each(steps, &binaries, Needs::Parts, &settings);
            run_each(steps, &binaries, Needs::Quiet, &settings);
            running.stop(steps);
        }
        Ok(())
    })
}

fn run_each(steps: &Steps, binaries: &[Binary], needs: Needs, settings: &[(&str, OsString)]) {
    for binary in binaries.iter().filter(|binary| binary.needs == needs) {
        steps.run(binary.name(), || binary.run(settings));
    }
}

/// Builds or installs missing parts. Returns whether all parts are available.
fn build_parts(steps: &Steps) -> bool {
    let mut all = true;
    for part in parts() {
        all &= steps.run(format!("build {}", part.name()), || part.build()).is_some();
    }
    all
}

fn doctests() -> Result<()> {
    cargo::succeed(
        cargo::command(["test", "--quiet", "--workspace", "--all-features", "--doc"]).env("RUST_BACKTRACE", "0"),
    )
}

/// The stack that tests use.
enum Running {
    /// A stack that the environment names.
    Given,
    Own(Stack),
}

impl Running {
    /// Starts a stack, unless the environment names one.
    fn start(steps: &Steps) -> Option<Self> {
        match std::env::var_os(STACK) {
            Some(_) => Some(Self::Given),
            None => steps.run("start the stack", Stack::start).map(Self::Own),
        }
    }

    /// The variables by which tests find the stack.
    fn settings(&self) -> Option<(&'static str, OsString)> {
        match self {
            Self::Given => None,
            Self::Own(stack) => Some((STACK, stack.state_file().into())),
        }
    }

    fn stop(self, steps: &Steps) {
        if let Self::Own(stack) = self {
            steps.run("stop the stack", || stack.stop());
        }
    }
}
