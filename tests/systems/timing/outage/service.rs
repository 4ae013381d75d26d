//! The program `service` as a process.

use std::io::Read;
use std::process::{Command, Stdio};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use cachescope_tests::program::Program;

pub(crate) const RUNTIMES: [&str; 3] = ["current_thread", "one_worker", "multi_thread"];

/// A running service.
pub(crate) struct Service {
    program: Program,
    errors: JoinHandle<String>,
}

/// The end of a service.
pub(crate) struct Ended {
    /// From its last line of requests to the end of the process.
    pub(crate) took: Duration,
    /// Warnings and errors.
    pub(crate) complaints: Vec<String>,
    pub(crate) peak_kib: u64,
    /// Spans.
    pub(crate) sent: u64,
    pub(crate) dropped: u64,
}

impl Service {
    pub(crate) fn start(arguments: &[&str], variables: &[(&str, &str)]) -> anyhow::Result<Self> {
        let mut command = Command::new(env!("CARGO_BIN_EXE_service"));
        command.args(arguments).env_clear().envs(variables.iter().copied()).stderr(Stdio::piped());
        let mut program = Program::start(&mut command)?;
        let mut stderr = program.errors().context("no standard error")?;
        let errors = std::thread::spawn(move || {
            let mut text = String::new();
            stderr.read_to_string(&mut text).map_or_else(|error| format!("ERROR {error}"), |_| text)
        });
        Ok(Self { program, errors })
    }

    /// The next line of its output.
    pub(crate) fn line(&self) -> anyhow::Result<String> {
        self.program.line()
    }

    pub(crate) fn order(&mut self, order: &str) -> anyhow::Result<()> {
        self.program.order(order)
    }

    /// Closes its input, and waits until it has ended.
    pub(crate) fn end(mut self) -> anyhow::Result<Ended> {
        self.program.close();
        let line = self.line()?;
        ensure!(line == "ending", "expected `ending`, got {line:?}");
        let ending = Instant::now();
        let status = self.program.wait()?;
        let took = ending.elapsed();
        let errors = self.errors.join().map_err(|_| anyhow::anyhow!("its standard error can't be read"))?;
        ensure!(status.success(), "{status}: {errors}");
        let complaints = errors.lines().filter(|line| line.contains("WARN") || line.contains("ERROR"));
        let complaints = complaints.map(str::to_owned).collect();
        let spans = self.program.line()?;
        let (sent, dropped) = spans.split_once(' ').context("two numbers")?;
        let (sent, dropped) = (sent.parse()?, dropped.parse()?);
        Ok(Ended { took, complaints, peak_kib: self.program.line()?.parse()?, sent, dropped })
    }
}
