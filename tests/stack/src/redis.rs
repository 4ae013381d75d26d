//! Redis, a single server.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Result;

use crate::package;
use crate::part::Part;
use crate::ports::Ports;
use crate::probe;
use crate::stack::Stack;

const NAME: &str = "redis";

/// Redis with what `durability` keeps when it ends.
#[derive(Debug)]
pub(crate) struct RedisPart(pub(crate) Durability);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Durability {
    /// Nothing, as one that is only a cache.
    Volatile,
    /// Every write it answered.
    Durable,
}

impl Part for RedisPart {
    fn name(&self) -> &'static str {
        NAME
    }

    fn ports(&self) -> &'static [&'static str] {
        &["client"]
    }

    fn program(&self, _cache: &Path) -> Result<PathBuf> {
        program()
    }

    fn command(&self, program: &Path, ports: &Ports, folder: &Path) -> Result<Command> {
        Ok(command(program, ports.number(NAME, "client"), folder, self.0))
    }

    fn ready(&self, ports: &Ports) -> Result<bool> {
        pongs(&ports.address(NAME, "client"))
    }
}

pub(crate) fn program() -> Result<PathBuf> {
    package::program("redis-server", "redis-server")
}

/// What single servers and the cluster's have in common.
pub(crate) fn command(program: &Path, port: u16, folder: &Path, durability: Durability) -> Command {
    let mut command = Command::new(program);
    command.args(["--bind", "127.0.0.1", "--protected-mode", "yes", "--port", &port.to_string()]);
    command.arg("--dir").arg(folder);
    // A killed process loses nothing it has written, synced or not: that is for machines that crash.
    let append = if durability == Durability::Durable { "yes" } else { "no" };
    command.args(["--save", "", "--appendonly", append, "--appendfsync", "no"]);
    command
}

/// Whether it is done with loading its data.
pub(crate) fn pongs(address: &str) -> Result<bool> {
    probe::answers(address, b"PING\r\n", |answer| answer == b"+PONG\r\n")
}

/// The URL of the server at `address`.
pub(crate) fn url(address: &str) -> String {
    format!("redis://{address}")
}

impl Stack {
    /// Redis, as `redis://127.0.0.1:PORT`. All tests of a run share it: use keys of your own.
    pub fn redis(&self) -> String {
        url(&self.ports().address(NAME, "client"))
    }
}
