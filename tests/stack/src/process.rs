//! A process of ours: recognised again later, and stopped without hitting anyone else's.

use std::process::Child;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use serde::{Deserialize, Serialize};
use sysinfo::{Pid, ProcessRefreshKind, ProcessStatus, ProcessesToUpdate, Signal, System};

use crate::family;

/// How far two readings of one process's start time may lie apart: the kernel derives it from the wall clock, which
/// can be corrected in between. A pid that comes round again within this time would have to wrap the whole pid space.
const CLOCK_SLACK: u64 = 2;

/// How long the kernel may take to end a process that has no say in it.
const PATIENCE: Duration = Duration::from_secs(5);

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
        system.process(Pid::from_u32(pid)).map(Self::from).with_context(|| format!("no process {pid}"))
    }

    /// Of this process.
    pub(crate) fn own() -> Result<Self> {
        Self::of(std::process::id())
    }

    /// Whether that process, not a later one with its pid, still runs.
    pub(crate) fn alive(self) -> bool {
        look_up(self.pid).is_ok_and(|system| self.find(&system).is_some())
    }

    /// Sends it a signal; none to one that is gone.
    pub(crate) fn signal(self, signal: Signal) -> Result<()> {
        let system = look_up(self.pid)?;
        match self.find(&system).map(|process| process.kill_with(signal)) {
            Some(Some(true)) | None => Ok(()),
            Some(_) => bail!("cannot send {signal:?} to process {}", self.pid),
        }
    }

    /// It among the processes of `system`, unless it is gone.
    pub(crate) fn find(self, system: &System) -> Option<&sysinfo::Process> {
        let process = system.process(Pid::from_u32(self.pid))?;
        // What exited but was not waited for yet (its parent may be gone, and pid 1 of a container may not care)
        // holds no port and no file any more.
        let gone = matches!(process.status(), ProcessStatus::Zombie | ProcessStatus::Dead);
        (!gone && process.start_time().abs_diff(self.started) <= CLOCK_SLACK).then_some(process)
    }
}

impl From<&sysinfo::Process> for Identity {
    fn from(process: &sysinfo::Process) -> Self {
        Self { pid: process.pid().as_u32(), started: process.start_time() }
    }
}

fn look_up(pid: u32) -> Result<System> {
    table(ProcessesToUpdate::Some(&[Pid::from_u32(pid)]))
}

/// The process table, as far as `which` goes.
pub(crate) fn table(which: ProcessesToUpdate<'_>) -> Result<System> {
    let mut system = System::new().context("cannot read the process table")?;
    system.refresh_processes_specifics(which, true, ProcessRefreshKind::nothing().without_tasks());
    Ok(system)
}

/// How a process is asked to end.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Ending {
    /// By SIGTERM.
    #[default]
    Terminate,
    /// By SIGINT: the process takes SIGTERM for "once all have gone home".
    Interrupt,
}

impl Ending {
    fn signal(self) -> Signal {
        match self {
            Self::Terminate => Signal::Term,
            Self::Interrupt => Signal::Interrupt,
        }
    }
}

/// A process to be stopped: our child, or one an earlier run of ours left running.
#[derive(Debug)]
pub(crate) struct Process {
    pub(crate) identity: Identity,
    ending: Ending,
    child: Option<Child>,
}

impl Process {
    /// A child just spawned.
    pub(crate) fn child(mut child: Child, ending: Ending) -> Result<Self> {
        match Identity::of(child.id()) {
            Ok(identity) => Ok(Self { identity, ending, child: Some(child) }),
            Err(error) => {
                // Unknown, it could not be stopped later.
                child.kill()?;
                child.wait()?;
                Err(error)
            }
        }
    }

    /// One started by another process of ours.
    pub(crate) fn of_another(identity: Identity, ending: Ending) -> Self {
        Self { identity, ending, child: None }
    }

    /// Whether it still runs; waits for a child that has exited, so that it does not stay a zombie.
    pub(crate) fn alive(&mut self) -> bool {
        match &mut self.child {
            Some(child) => matches!(child.try_wait(), Ok(None)),
            None => self.identity.alive(),
        }
    }

    /// Asks it to end, and after `grace` makes it and all that descend from it.
    pub(crate) fn stop(&mut self, grace: Duration) -> Result<()> {
        if !self.alive() {
            return Ok(());
        }
        // One that is paused would hear of it only then.
        family::resume(self.identity)?;
        self.identity.signal(self.ending.signal())?;
        let begun = Instant::now();
        while self.alive() && begun.elapsed() < grace {
            thread::sleep(Duration::from_millis(10));
        }
        self.kill()
    }

    /// Ends it and all that descend from it, without a chance to tidy up.
    pub(crate) fn kill(&mut self) -> Result<()> {
        if !self.alive() {
            return Ok(());
        }
        let family = family::halt(self.identity)?;
        family.iter().try_for_each(|member| member.signal(Signal::Kill))?;
        let begun = Instant::now();
        while self.alive() || family.iter().any(|member| member.alive()) {
            if begun.elapsed() > PATIENCE {
                bail!("process {} or a child of it survives SIGKILL", self.identity.pid);
            }
            thread::sleep(Duration::from_millis(2));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{BufRead, BufReader, Read};
    use std::ops::{Deref, DerefMut};
    use std::process::{Command, Stdio};

    /// Ends with its test, whatever comes of that.
    struct Mortal(Process);

    impl Mortal {
        fn new(child: Child) -> Self {
            Self(Process::child(child, Ending::Terminate).unwrap())
        }
    }

    impl Deref for Mortal {
        type Target = Process;
        fn deref(&self) -> &Process {
            &self.0
        }
    }

    impl DerefMut for Mortal {
        fn deref_mut(&mut self) -> &mut Process {
            &mut self.0
        }
    }

    impl Drop for Mortal {
        fn drop(&mut self) {
            self.0.kill().ok();
        }
    }

    fn shell(script: &str) -> Mortal {
        Mortal::new(Command::new("sh").args(["-c", script]).spawn().unwrap())
    }

    /// A shell that has got as far as to say so.
    fn talking_shell(script: &str) -> Mortal {
        let mut child = Command::new("sh").args(["-c", script]).stdout(Stdio::piped()).spawn().unwrap();
        let mut said = [0];
        child.stdout.take().unwrap().read_exact(&mut said).unwrap();
        Mortal::new(child)
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

    /// A shell with a child, in a session of its own as PostgreSQL's are.
    fn parent() -> (Mortal, Identity) {
        let script = "setsid sh -c 'echo $$; while :; do sleep 0.05; done' & wait";
        let mut child = Command::new("sh").args(["-c", script]).stdout(Stdio::piped()).spawn().unwrap();
        let mut said = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut said).unwrap();
        let grandchild = Identity::of(said.trim().parse().unwrap()).unwrap();
        (Mortal::new(child), grandchild)
    }

    fn runs(identity: Identity) -> bool {
        let system = look_up(identity.pid).unwrap();
        let halt = [ProcessStatus::Stop, ProcessStatus::UninterruptibleDiskSleep];
        identity.find(&system).is_some_and(|process| !halt.contains(&process.status()))
    }

    #[test]
    fn a_family_is_paused_resumed_and_killed_as_one() {
        let (mut process, child) = parent();
        family::pause(process.identity).unwrap();
        assert!(!runs(process.identity) && !runs(child));
        family::resume(process.identity).unwrap();
        let running = || Ok(runs(process.identity) && runs(child));
        crate::eventually("both going on", Duration::from_secs(5), running, |running| *running).unwrap();
        process.kill().unwrap();
        assert!(!process.alive() && !child.alive());
        process.kill().unwrap();
    }

    #[test]
    fn a_paused_process_can_be_asked_to_end() {
        let mut process = talking_shell("trap 'exit 0' TERM; echo; while :; do sleep 0.05; done");
        family::pause(process.identity).unwrap();
        let begun = Instant::now();
        process.stop(Duration::from_secs(60)).unwrap();
        assert!(begun.elapsed() < Duration::from_secs(30), "it was killed only when its time was over");
    }

    #[test]
    fn a_pid_that_now_is_anothers_is_left_alone() {
        let mut process = shell("exec sleep 60");
        let earlier = Identity { started: process.identity.started - 100, ..process.identity };
        assert!(!earlier.alive());
        Process::of_another(earlier, Ending::Terminate).stop(Duration::from_secs(1)).unwrap();
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
