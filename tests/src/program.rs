//! A program of this crate that runs as a process of its own and is controlled line by line.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStderr, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};

/// Bounds a failure.
const PATIENCE: Duration = Duration::from_secs(120);

/// A running program, which is killed when this is dropped.
#[derive(Debug)]
pub struct Program {
    child: Child,
    input: Option<ChildStdin>,
    lines: Receiver<String>,
}

impl Program {
    /// Starts `command` with its standard input and output connected to this.
    ///
    /// # Errors
    /// If it can't be started.
    pub fn start(command: &mut Command) -> anyhow::Result<Self> {
        let child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
        let mut child = child.with_context(|| format!("cannot run {}", command.get_program().display()))?;
        let output = BufReader::new(child.stdout.take().context("no standard output")?);
        let input = child.stdin.take();
        let (sender, lines) = channel();
        std::thread::spawn(move || output.lines().map_while(Result::ok).try_for_each(|line| sender.send(line)));
        Ok(Self { child, input, lines })
    }

    /// Sends it a line, without waiting for what it does.
    ///
    /// # Errors
    /// If it has ended, or its input was closed.
    pub fn order(&mut self, order: &str) -> anyhow::Result<()> {
        Ok(writeln!(self.input.as_mut().context("its input is closed")?, "{order}")?)
    }

    /// Waits for the next line of its output.
    ///
    /// # Errors
    /// If it has ended, or writes none for two minutes.
    pub fn line(&self) -> anyhow::Result<String> {
        self.lines.recv_timeout(PATIENCE).context("the program writes nothing more")
    }

    /// Waits for the next line of its output other than `loading`; counts those before it.
    ///
    /// # Errors
    /// As [`line`](Self::line).
    pub fn answer(&self) -> anyhow::Result<(String, u64)> {
        let mut loads = 0;
        loop {
            match self.line()? {
                line if line == "loading" => loads += 1,
                line => return Ok((line, loads)),
            }
        }
    }

    /// Its standard error, if the command piped it and this wasn't called before.
    pub fn errors(&mut self) -> Option<ChildStderr> {
        self.child.stderr.take()
    }

    /// Closes its input. A program that reads to the end of its input ends then.
    pub fn close(&mut self) {
        self.input = None;
    }

    /// Waits until it has ended.
    ///
    /// # Errors
    /// If it still runs after two minutes.
    pub fn wait(&mut self) -> anyhow::Result<ExitStatus> {
        let begun = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait()? {
                return Ok(status);
            }
            ensure!(begun.elapsed() < PATIENCE, "still running after {PATIENCE:?}");
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Kills it with SIGKILL, as a system without memory does.
    ///
    /// # Errors
    /// If that can't be done.
    pub fn kill(&mut self) -> anyhow::Result<()> {
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.kill();
    }
}
