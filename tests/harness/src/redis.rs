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

/// Redis, with or without persistence.
#[derive(Debug)]
pub(crate) struct RedisPart(pub(crate) Durability);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Durability {
    /// Keeps nothing over a restart.
    Volatile,
    /// Keeps every acknowledged write over a restart.
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

/// The settings that single servers and nodes of a cluster share.
pub(crate) fn command(program: &Path, port: u16, folder: &Path, durability: Durability) -> Command {
    let mut command = Command::new(program);
    command.args(["--bind", "127.0.0.1", "--protected-mode", "yes", "--port", &port.to_string()]);
    command.arg("--dir").arg(folder);
    // Without fsync a killed process loses nothing that it has written; only a crash of the machine would.
    let append = if durability == Durability::Durable { "yes" } else { "no" };
    command.args(["--save", "", "--appendonly", append, "--appendfsync", "no"]);
    command
}

/// Whether it has loaded its data.
pub(crate) fn pongs(address: &str) -> Result<bool> {
    probe::answers(address, b"PING\r\n", |answer| answer == b"+PONG\r\n")
}

/// The URL of the server at `address`.
pub(crate) fn url(address: &str) -> String {
    format!("redis://{address}")
}

impl Stack {
    /// The URL of Redis, `redis://127.0.0.1:PORT`. All tests of a run share the server: use unique keys.
    pub fn redis(&self) -> String {
        url(&self.ports().address(NAME, "client"))
    }
}
