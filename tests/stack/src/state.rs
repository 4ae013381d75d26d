//! What is known of a running stack, in a file: others attach by it, and it tells whom to stop.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

use crate::launch::Started;
use crate::ports::Ports;
use crate::process::{Ending, Identity, Process};

/// A running stack.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct State {
    /// The process whose end is the stack's end; none if it was started to stay.
    owner: Option<Identity>,
    /// Where others look for it.
    pub(crate) file: PathBuf,
    /// Data and logs.
    pub(crate) folder: PathBuf,
    pub(crate) ports: Ports,
    parts: Vec<PartState>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct PartState {
    name: String,
    process: Identity,
    /// Not known of what an older version started.
    #[serde(default)]
    ending: Ending,
    log: PathBuf,
}

/// How one part fares.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Status {
    /// Its name.
    pub name: String,
    /// The pid it was started with.
    pub pid: u32,
    /// Whether it still runs.
    pub running: bool,
    /// Its ports by name, as `127.0.0.1:PORT`.
    pub addresses: Vec<(String, String)>,
    /// Its log.
    pub log: PathBuf,
}

impl State {
    /// Of a stack of which nothing was started yet.
    pub(crate) fn new(owner: Option<Identity>, file: PathBuf, folder: PathBuf, ports: Ports) -> Self {
        Self { owner, file, folder, ports, parts: Vec::new() }
    }

    /// Takes note of a part that was started, in place of an earlier start of it.
    pub(crate) fn add(&mut self, started: &Started) {
        let (name, ending) = (started.part.name().to_owned(), started.part.ending());
        self.parts.retain(|part| part.name != name);
        self.parts.push(PartState { name, process: started.process.identity, ending, log: started.log.clone() });
    }

    pub(crate) fn read(path: &Path) -> Result<Self> {
        let text = fs::read(path).with_context(|| format!("cannot read the stack's state, {}", path.display()))?;
        serde_json::from_slice(&text).with_context(|| format!("{} is not a stack's state", path.display()))
    }

    /// Written beside and renamed, so that a reader sees all or nothing.
    pub(crate) fn write(&self, path: &Path) -> Result<()> {
        let beside = path.with_extension("json.new");
        fs::write(&beside, serde_json::to_vec_pretty(self)?)?;
        fs::rename(&beside, path).with_context(|| format!("cannot write {}", path.display()))
    }

    /// Whether nobody will stop it any more: its owner is gone, or the file is by which one would.
    pub(crate) fn orphaned(&self) -> bool {
        match self.owner {
            Some(owner) => !owner.alive(),
            None => !self.file.exists(),
        }
    }

    /// All that was started, for a process other than the one that started it.
    pub(crate) fn processes(&self) -> Vec<Process> {
        self.parts.iter().map(|part| Process::of_another(part.process, part.ending)).collect()
    }

    pub(crate) fn status(&self) -> Vec<Status> {
        let status = |part: &PartState| Status {
            name: part.name.clone(),
            pid: part.process.pid,
            running: part.process.alive(),
            addresses: self.ports.of(&part.name),
            log: part.log.clone(),
        };
        self.parts.iter().map(status).collect()
    }
}
