//! One process of a fleet, told what to do line by line: the program `member`.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use anyhow::{Context, ensure};

/// A running process, which ends with this.
#[derive(Debug)]
pub struct Member {
    child: Child,
    orders: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl Member {
    /// Starts `program` on the store at `url`, and waits until it is ready.
    ///
    /// # Errors
    /// If it can't be started, or ends.
    pub fn start(program: impl AsRef<Path>, url: &str, mode: &str, millis: u64) -> anyhow::Result<Self> {
        let mut command = Command::new(program.as_ref());
        command.args([url, mode, &millis.to_string()]).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().context("the program member")?;
        let orders = child.stdin.take().context("its input")?;
        let answers = BufReader::new(child.stdout.take().context("its output")?);
        let mut member = Self { child, orders, answers };
        let said = member.line()?;
        ensure!(said == "ready", "it said {said}");
        Ok(member)
    }

    /// Tells it what to do, without waiting for what comes of it.
    ///
    /// # Errors
    /// If it has ended.
    pub fn order(&mut self, order: &str) -> anyhow::Result<()> {
        Ok(writeln!(self.orders, "{order}")?)
    }

    /// The next line it says; waits for that.
    ///
    /// # Errors
    /// If it has ended.
    pub fn line(&mut self) -> anyhow::Result<String> {
        let mut line = String::new();
        ensure!(self.answers.read_line(&mut line)? > 0, "it has ended");
        Ok(line.trim_end().to_owned())
    }

    /// The next answer, and how many loads began before it.
    ///
    /// # Errors
    /// If it has ended.
    pub fn answer(&mut self) -> anyhow::Result<(String, u64)> {
        let mut loads = 0;
        loop {
            match self.line()? {
                line if line == "loading" => loads += 1,
                line => return Ok((line, loads)),
            }
        }
    }

    /// Kills it, as the system kills a process that has no memory left.
    ///
    /// # Errors
    /// If that can't be done.
    pub fn kill(&mut self) -> anyhow::Result<()> {
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.kill();
    }
}
