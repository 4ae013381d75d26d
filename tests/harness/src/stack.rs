//! A stack: all parts together, configured with each other's addresses.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Result, ensure};

use crate::collector::CollectorPart;
use crate::jaeger::JaegerPart;
use crate::launch::{self, Started};
use crate::mariadb::MariadbPart;
use crate::mongodb::MongodbPart;
use crate::part::Part;
use crate::ports::Ports;
use crate::postgres::PostgresPart;
use crate::process::ProcessIdentity;
use crate::prometheus::PrometheusPart;
use crate::redis::{Durability, RedisPart};
use crate::run;
use crate::state::{State, Status};

/// The parts of a stack in the order of their start: a part comes after the parts that it needs.
pub(crate) const PARTS: &[&dyn Part] = &[
    &JaegerPart,
    &PrometheusPart,
    &RedisPart(Durability::Volatile),
    &PostgresPart,
    &MariadbPart,
    &MongodbPart,
    &CollectorPart,
];

/// A running stack. A stack that this process started stops when it is dropped; an attached stack doesn't.
#[derive(Debug)]
pub struct Stack {
    state: State,
    /// The started parts; empty for a stack of another process.
    own: Vec<Started>,
}

impl Stack {
    /// Starts a stack, which stops when it is dropped.
    ///
    /// # Errors
    /// As [`Stack::shared`].
    pub fn start() -> Result<Self> {
        Self::launch(Some(ProcessIdentity::own()?), None)
    }

    /// Starts a stack that outlives this process, with its state in `state_file`. [`Stack::stop`] ends it.
    ///
    /// # Errors
    /// As [`Stack::shared`].
    pub fn start_detached(state_file: &Path) -> Result<Self> {
        let mut stack = Self::launch(None, Some(state_file))?;
        stack.own.clear();
        Ok(stack)
    }

    /// Attaches to the running stack with that state file.
    ///
    /// # Errors
    /// When there is no such file, or when a part doesn't run any more.
    pub fn attach(state_file: &Path) -> Result<Self> {
        let stack = Self::read(state_file)?;
        stack.state.ports.check(PARTS)?;
        for part in stack.status() {
            ensure!(part.running, "{} (pid {}) of {} doesn't run", part.name, part.pid, state_file.display());
        }
        Ok(stack)
    }

    /// Reads the state of a stack, running or not, for its [`Stack::status`] or to [`Stack::stop`] it.
    ///
    /// # Errors
    /// When there is no such file.
    pub fn read(state_file: &Path) -> Result<Self> {
        Ok(Self { state: State::read(state_file)?, own: Vec::new() })
    }

    /// The status of each part.
    pub fn status(&self) -> Vec<Status> {
        self.state.status()
    }

    /// The state file, by which other processes attach.
    pub fn state_file(&self) -> &Path {
        &self.state.file
    }

    /// Stops every part, also of a stack started by another process, and removes its data.
    ///
    /// # Errors
    /// When a part survives; the state file is kept then.
    pub fn stop(mut self) -> Result<()> {
        self.end(false)
    }

    pub(crate) fn ports(&self) -> &Ports {
        &self.state.ports
    }

    fn launch(owner: Option<ProcessIdentity>, state_file: Option<&Path>) -> Result<Self> {
        let cache = run::cache_folder()?;
        let programs = PARTS.iter().map(|part| part.program(&cache)).collect::<Result<Vec<_>>>()?;
        let _alone = run::alone(&cache)?;
        run::sweep(&cache);
        launch::with_free_ports(|| Self::attempt(&cache, &programs, owner, state_file))
    }

    fn attempt(
        cache: &Path,
        programs: &[PathBuf],
        owner: Option<ProcessIdentity>,
        state_file: Option<&Path>,
    ) -> Result<Self> {
        let folder = run::create(cache)?;
        let state_file = state_file.map_or_else(|| folder.join(run::STATE), Path::to_owned);
        let ports = Ports::choose(PARTS)?;
        let state = State::new(owner, state_file, folder.clone(), ports.clone());
        // From here on a `Stack` holds the started parts, so that every return stops them.
        let mut stack = Self { state, own: Vec::new() };
        let outcome = PARTS.iter().zip(programs).try_for_each(|(part, program)| {
            let needed = stack.own.iter_mut().filter(|earlier| part.needs().contains(&earlier.part.name()));
            launch::await_ready(needed, &ports)?;
            launch::prepare(*part, cache, program, &ports, &folder)?;
            let started = launch::spawn(*part, program, &ports, &folder, owner.is_none())?;
            stack.state.add(&started);
            stack.own.push(started);
            // At once, so that the next start can clean up after a killed run.
            stack.state.write(&folder.join(run::STATE))
        });
        let outcome = outcome.and_then(|()| launch::await_ready(stack.own.iter_mut(), &ports));
        // Not before: a stack with a state file is ready.
        let outcome = outcome.and_then(|()| stack.state.write(&stack.state.file));
        match outcome {
            Ok(()) => Ok(stack),
            Err(error) => Err(match stack.end(true) {
                Ok(()) => error,
                Err(left) => error.context(format!("and then: {left:#}")),
            }),
        }
    }

    fn end(&mut self, keep_logs: bool) -> Result<()> {
        if self.own.is_empty() {
            launch::stop(self.state.processes().iter_mut())?;
        } else {
            launch::stop(self.own.iter_mut().map(|part| &mut part.process))?;
            self.own.clear();
        }
        for file in [&self.state.file, &self.state.folder.join(run::STATE)] {
            fs::remove_file(file).ok();
        }
        if keep_logs {
            run::remove_data(&self.state.folder);
            eprintln!("cachescope-harness: logs kept in {}", self.state.folder.display());
        } else {
            run::remove(&self.state.folder);
        }
        Ok(())
    }
}

impl Drop for Stack {
    fn drop(&mut self) {
        if self.own.is_empty() {
            return;
        }
        // The logs of a failing test are kept.
        if let Err(error) = self.end(std::thread::panicking()) {
            eprintln!("cachescope-harness: {error:#}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::{TcpListener, UdpSocket};

    /// The retry depends on this: each part exits when one of its ports is taken, with the same message.
    #[test]
    fn taken_port_fails_its_part_with_the_expected_message() -> Result<()> {
        let cache = run::cache_folder()?;
        for part in PARTS {
            let program = part.program(&cache)?;
            for port in part.ports() {
                let folder = tempfile::tempdir()?;
                let ports = Ports::choose(PARTS)?;
                // Some ports are for datagrams.
                let address = ports.address(part.name(), port);
                let _taken = (TcpListener::bind(&address)?, UdpSocket::bind(&address)?);
                launch::prepare(*part, &cache, &program, &ports, folder.path())?;
                let outcome = launch::spawn(*part, &program, &ports, folder.path(), false)
                    .and_then(|mut started| launch::await_ready([&mut started].into_iter(), &ports));
                let Err(error) = outcome else { panic!("{} starts without its port {port}", part.name()) };
                assert!(launch::port_taken(&error), "{port}: {error:#}");
                run::remove(folder.path());
            }
        }
        Ok(())
    }
}
