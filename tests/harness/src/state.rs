//! The state of a running stack in a file. Other processes attach by it, and stop the processes that it names.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

use crate::launch::Started;
use crate::ports::Ports;
use crate::process::{Process, ProcessIdentity, StopSignal};

/// A running stack.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct State {
    /// The process that owns the stack; `None` for a detached stack.
    owner: Option<ProcessIdentity>,
    /// The path of the state file.
    pub(crate) file: PathBuf,
    /// The folder with data and logs.
    pub(crate) folder: PathBuf,
    pub(crate) ports: Ports,
    parts: Vec<PartState>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct PartState {
    name: String,
    process: ProcessIdentity,
    /// Missing in files of an older version.
    #[serde(default)]
    ending: StopSignal,
    log: PathBuf,
}

/// The status of a part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Status {
    /// The name of the part.
    pub name: String,
    /// The pid of its process.
    pub pid: u32,
    /// Whether it still runs.
    pub running: bool,
    /// The ports by name, as `127.0.0.1:PORT`.
    pub addresses: Vec<(String, String)>,
    /// The log file.
    pub log: PathBuf,
}

impl State {
    /// The state of a stack before any part was started.
    pub(crate) fn new(owner: Option<ProcessIdentity>, file: PathBuf, folder: PathBuf, ports: Ports) -> Self {
        Self { owner, file, folder, ports, parts: Vec::new() }
    }

    /// Adds a started part, in place of an earlier start of it.
    pub(crate) fn add(&mut self, started: &Started) {
        let (name, ending) = (started.part.name().to_owned(), started.part.ending());
        self.parts.retain(|part| part.name != name);
        self.parts.push(PartState { name, process: started.process.identity, ending, log: started.log.clone() });
    }

    pub(crate) fn read(path: &Path) -> Result<Self> {
        let text = fs::read(path).with_context(|| format!("cannot read the state of the stack, {}", path.display()))?;
        serde_json::from_slice(&text).with_context(|| format!("{} is not the state of a stack", path.display()))
    }

    /// Writes a temporary file and renames it, so that readers see all or nothing.
    pub(crate) fn write(&self, path: &Path) -> Result<()> {
        let beside = path.with_extension("json.new");
        fs::write(&beside, serde_json::to_vec_pretty(self)?)?;
        fs::rename(&beside, path).with_context(|| format!("cannot write {}", path.display()))
    }

    /// Whether no process will stop it any more: its owner or its state file is gone.
    pub(crate) fn orphaned(&self) -> bool {
        match self.owner {
            Some(owner) => !owner.alive(),
            None => !self.file.exists(),
        }
    }

    /// The started processes, for use in another process.
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
