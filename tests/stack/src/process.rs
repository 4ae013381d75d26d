//! A process of ours: recognised again later, and stopped without hitting anyone else's.

use std::process::Child;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use serde::{Deserialize, Serialize};
use sysinfo::{Pid, ProcessRefreshKind, ProcessStatus, ProcessesToUpdate, Signal, System};

/// How far two readings of one process's start time may lie apart: the kernel derives it from the wall clock, which
/// can be corrected in between. A pid that comes round again within this time would have to wrap the whole pid space.
const CLOCK_SLACK: u64 = 2;

/// A pid with the time its process started: a pid alone may be another's by now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Identity {
    pub(crate) pid: u32,
    started: u64,
}

impl Identity {
    /// Of the running process `pid`.
    pub(crate) fn of(pid: u32) -> Result<Self> {
        let system = look_up(pid)?;
        let process = system.process(Pid::from_u32(pid)).with_context(|| format!("no process {pid}"))?;
        Ok(Self { pid, started: process.start_time() })
    }

    /// Of this process.
    pub(crate) fn own() -> Result<Self> {
        Self::of(std::process::id())
    }

    /// Whether that process, not a later one with its pid, still runs.
    pub(crate) fn alive(self) -> bool {
        look_up(self.pid).is_ok_and(|system| self.find(&system).is_some())
    }

    fn signal(self, signal: Signal) -> Result<()> {
        let system = look_up(self.pid)?;
        match self.find(&system).map(|process| process.kill_with(signal)) {
            Some(Some(true)) | None => Ok(()),
            Some(_) => bail!("cannot send {signal:?} to process {}", self.pid),
        }
    }

    fn find(self, system: &System) -> Option<&sysinfo::Process> {
        let process = system.process(Pid::from_u32(self.pid))?;
        // What exited but was not waited for yet (its parent may be gone, and pid 1 of a container may not care)
        // holds no port and no file any more.
        let gone = matches!(process.status(), ProcessStatus::Zombie | ProcessStatus::Dead);
        (!gone && process.start_time().abs_diff(self.started) <= CLOCK_SLACK).then_some(process)
    }
}

fn look_up(pid: u32) -> Result<System> {
    let mut system = System::new().context("cannot read the process table")?;
    let kind = ProcessRefreshKind::nothing().without_tasks();
    system.refresh_processes_specifics(ProcessesToUpdate::Some(&[Pid::from_u32(pid)]), true, kind);
    Ok(system)
}

/// A process to be stopped: our child, or one an earlier run of ours left running.
#[derive(Debug)]
pub(crate) struct Process {
    pub(crate) identity: Identity,
    child: Option<Child>,
}

impl Process {
    /// A child just spawned.
    pub(crate) fn child(mut child: Child) -> Result<Self> {
        match Identity::of(child.id()) {
            Ok(identity) => Ok(Self { identity, child: Some(child) }),
            Err(error) => {
                // Unknown, it could not be stopped later.
                child.kill()?;
                child.wait()?;
                Err(error)
            }
        }
    }

    /// One started by another process of ours.
    pub(crate) fn of_another(identity: Identity) -> Self {
        Self { identity, child: None }
    }

    /// Whether it still runs; waits for a child that has exited, so that it does not stay a zombie.
    pub(crate) fn alive(&mut self) -> bool {
        match &mut self.child {
            Some(child) => matches!(child.try_wait(), Ok(None)),
            None => self.identity.alive(),
        }
    }

    /// Asks it to end, and after `grace` makes it.
    pub(crate) fn stop(&mut self, grace: Duration) -> Result<()> {
        for (signal, patience) in [(Signal::Term, grace), (Signal::Kill, Duration::from_secs(5))] {
            if !self.alive() {
                return Ok(());
            }
            self.identity.signal(signal)?;
            let begun = Instant::now();
            while self.alive() && begun.elapsed() < patience {
                thread::sleep(Duration::from_millis(10));
            }
        }
        if self.alive() { bail!("process {} survives SIGKILL", self.identity.pid) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read;
    use std::process::{Command, Stdio};

    fn shell(script: &str) -> Process {
        Process::child(Command::new("sh").args(["-c", script]).spawn().unwrap()).unwrap()
    }

    /// A shell that has got as far as to say so.
    fn talking_shell(script: &str) -> Process {
        let mut child = Command::new("sh").args(["-c", script]).stdout(Stdio::piped()).spawn().unwrap();
        let mut said = [0];
        child.stdout.take().unwrap().read_exact(&mut said).unwrap();
        Process::child(child).unwrap()
    }

    #[test]
    fn a_willing_process_ends_and_a_deaf_one_is_killed() {
        let mut willing = shell("exec sleep 60");
        let mut deaf = talking_shell("trap '' TERM; echo; while :; do sleep 0.1; done");
        assert!(willing.alive() && deaf.alive());
        willing.stop(Duration::from_secs(10)).unwrap();
        deaf.stop(Duration::from_millis(300)).unwrap();
        assert!(!willing.identity.alive() && !deaf.identity.alive());
    }

    #[test]
    fn a_pid_that_now_is_anothers_is_left_alone() {
        let mut process = shell("exec sleep 60");
        let earlier = Identity { started: process.identity.started - 100, ..process.identity };
        assert!(!earlier.alive());
        Process::of_another(earlier).stop(Duration::from_secs(1)).unwrap();
        assert!(process.alive());
        process.stop(Duration::from_secs(1)).unwrap();
    }

    #[test]
    fn an_exited_child_nobody_waited_for_is_not_alive() {
        let mut child = Command::new("sh").args(["-c", "exit 0"]).spawn().unwrap();
        let identity = Identity::of(child.id());
        let gone = || Ok(!matches!(identity, Ok(identity) if identity.alive()));
        crate::eventually("the child's end", Duration::from_secs(10), gone, |gone| *gone).unwrap();
        child.wait().unwrap();
    }
}
