//! The program `service` as a process.

use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};

pub(crate) const RUNTIMES: [&str; 3] = ["current_thread", "one_worker", "multi_thread"];

/// Bounds a failure.
const PATIENCE: Duration = Duration::from_secs(120);

/// A running service; killed if it is dropped.
pub(crate) struct Service {
    child: Child,
    orders: Option<ChildStdin>,
    lines: Receiver<String>,
    errors: Option<JoinHandle<String>>,
}

/// How a service ended.
pub(crate) struct Ended {
    /// From its last word to the end of the process.
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
        let mut child = Command::new(env!("CARGO_BIN_EXE_service"))
            .args(arguments)
            .env_clear()
            .envs(variables.iter().copied())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .context("the program service")?;
        let output = BufReader::new(child.stdout.take().context("its output")?);
        let mut stderr = child.stderr.take().context("its errors")?;
        let (sender, lines) = channel();
        std::thread::spawn(move || output.lines().map_while(Result::ok).try_for_each(|line| sender.send(line)));
        let errors = std::thread::spawn(move || {
            let mut text = String::new();
            stderr.read_to_string(&mut text).map_or_else(|error| format!("ERROR {error}"), |_| text)
        });
        let orders = child.stdin.take();
        Ok(Self { child, orders, lines, errors: Some(errors) })
    }

    /// The next line it says.
    pub(crate) fn line(&self) -> anyhow::Result<String> {
        self.lines.recv_timeout(PATIENCE).context("the service says nothing more")
    }

    pub(crate) fn order(&mut self, order: &str) -> anyhow::Result<()> {
        Ok(writeln!(self.orders.as_mut().context("it was told to end")?, "{order}")?)
    }

    /// Closes its input, and waits for it to have ended.
    pub(crate) fn end(mut self) -> anyhow::Result<Ended> {
        self.orders = None;
        let said = self.line()?;
        ensure!(said == "ending", "it said {said}");
        let ending = Instant::now();
        let status = loop {
            if let Some(status) = self.child.try_wait()? {
                break status;
            }
            ensure!(ending.elapsed() < PATIENCE, "still running after {PATIENCE:?}");
            std::thread::sleep(Duration::from_millis(5));
        };
        let took = ending.elapsed();
        let errors =
            self.errors.take().context("read once")?.join().map_err(|_| anyhow::anyhow!("reading its errors"))?;
        ensure!(status.success(), "{status}: {errors}");
        let complaints = errors.lines().filter(|line| line.contains("WARN") || line.contains("ERROR"));
        let complaints = complaints.map(str::to_owned).collect();
        let said = self.line()?;
        let (sent, dropped) = said.split_once(' ').context("two numbers")?;
        let (sent, dropped) = (sent.parse()?, dropped.parse()?);
        Ok(Ended { took, complaints, peak_kib: self.line()?.parse()?, sent, dropped })
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        // It may have ended by itself.
        self.child.kill().ok();
        self.child.wait().ok();
    }
}
