//! Processes that the harness started. They are recognised later, and stopped without hitting a process of others.

use std::process::Child;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use serde::{Deserialize, Serialize};
use sysinfo::{Pid, ProcessRefreshKind, ProcessStatus, ProcessesToUpdate, Signal, System};

use crate::family;

/// The tolerance between two readings of a process's start time. The kernel derives it from the wall clock, which can
/// be corrected in between. Within this time no pid is used again: all other pids would have to be used first.
const CLOCK_SLACK: u64 = 2;

/// Bounds a failure: the time that the kernel may take to end a killed process.
const PATIENCE: Duration = Duration::from_secs(5);

/// A pid with the start time of its process: the pid alone may belong to another process by now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ProcessIdentity {
    pub(crate) pid: u32,
    started: u64,
}

impl ProcessIdentity {
    /// The identity of the running process `pid`.
    pub(crate) fn of(pid: u32) -> Result<Self> {
        let system = look_up(pid)?;
        system.process(Pid::from_u32(pid)).map(Self::from).with_context(|| format!("no process {pid}"))
    }

    /// The identity of this process.
    pub(crate) fn own() -> Result<Self> {
        Self::of(std::process::id())
    }

    /// Whether the process still runs. A later process with its pid doesn't count.
    pub(crate) fn alive(self) -> bool {
        look_up(self.pid).is_ok_and(|system| self.find(&system).is_some())
    }

    /// Sends it a signal, unless it is gone.
    pub(crate) fn signal(self, signal: Signal) -> Result<()> {
        let system = look_up(self.pid)?;
        match self.find(&system).map(|process| process.kill_with(signal)) {
            Some(Some(true)) | None => Ok(()),
            Some(_) => bail!("cannot send {signal:?} to process {}", self.pid),
        }
    }

    /// Finds it among the processes of `system`, unless it is gone.
    pub(crate) fn find(self, system: &System) -> Option<&sysinfo::Process> {
        let process = system.process(Pid::from_u32(self.pid))?;
        // A process that exited holds no port and no file, even if no parent has waited for it yet.
        let gone = matches!(process.status(), ProcessStatus::Zombie | ProcessStatus::Dead);
        (!gone && process.start_time().abs_diff(self.started) <= CLOCK_SLACK).then_some(process)
    }
}

impl From<&sysinfo::Process> for ProcessIdentity {
    fn from(process: &sysinfo::Process) -> Self {
        Self { pid: process.pid().as_u32(), started: process.start_time() }
    }
}

fn look_up(pid: u32) -> Result<System> {
    table(ProcessesToUpdate::Some(&[Pid::from_u32(pid)]))
}

/// The process table, limited to `which`.
pub(crate) fn table(which: ProcessesToUpdate<'_>) -> Result<System> {
    let mut system = System::new().context("cannot read the process table")?;
    system.refresh_processes_specifics(which, true, ProcessRefreshKind::nothing().without_tasks());
    Ok(system)
}

/// The signal that asks a process to end.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum StopSignal {
    /// SIGTERM.
    #[default]
    Terminate,
    /// SIGINT, for a process that after SIGTERM waits for its clients.
    Interrupt,
}

impl StopSignal {
    fn signal(self) -> Signal {
        match self {
            Self::Terminate => Signal::Term,
            Self::Interrupt => Signal::Interrupt,
        }
    }
}

/// A process to stop: a child, or a process that an earlier run left running.
#[derive(Debug)]
pub(crate) struct Process {
    pub(crate) identity: ProcessIdentity,
    ending: StopSignal,
    child: Option<Child>,
}

impl Process {
    /// A child that was just spawned.
    pub(crate) fn child(mut child: Child, ending: StopSignal) -> Result<Self> {
        match ProcessIdentity::of(child.id()) {
            Ok(identity) => Ok(Self { identity, ending, child: Some(child) }),
            Err(error) => {
                // Without its identity it could not be stopped later.
                child.kill()?;
                child.wait()?;
                Err(error)
            }
        }
    }

    /// A process that another process of the harness started.
    pub(crate) fn of_another(identity: ProcessIdentity, ending: StopSignal) -> Self {
        Self { identity, ending, child: None }
    }

    /// Whether it still runs. Waits for a child that has exited, so that it doesn't stay a zombie.
    pub(crate) fn alive(&mut self) -> bool {
        match &mut self.child {
            Some(child) => matches!(child.try_wait(), Ok(None)),
            None => self.identity.alive(),
        }
    }

    /// Asks it to end, and kills it with all of its descendants after `grace`.
    pub(crate) fn stop(&mut self, grace: Duration) -> Result<()> {
        if !self.alive() {
            return Ok(());
        }
        // A paused process gets the signal only after it continues.
        family::resume(self.identity)?;
        self.identity.signal(self.ending.signal())?;
        let begun = Instant::now();
        while self.alive() && begun.elapsed() < grace {
            thread::sleep(Duration::from_millis(10));
        }
        self.kill()
    }

    /// Kills it with all of its descendants.
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

    /// A process that is killed when the test ends, also by a panic.
    struct Mortal(Process);

    impl Mortal {
        fn new(child: Child) -> Self {
            Self(Process::child(child, StopSignal::Terminate).unwrap())
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

    /// A shell that has written its first byte.
    fn talking_shell(script: &str) -> Mortal {
        let mut child = Command::new("sh").args(["-c", script]).stdout(Stdio::piped()).spawn().unwrap();
        let mut output = [0];
        child.stdout.take().unwrap().read_exact(&mut output).unwrap();
        Mortal::new(child)
    }

    #[test]
    fn process_that_ignores_the_signal_is_killed() {
        let mut willing = shell("exec sleep 60");
        let mut deaf = talking_shell("trap '' TERM; echo; while :; do sleep 0.1; done");
        assert!(willing.alive() && deaf.alive());
        willing.stop(Duration::from_secs(10)).unwrap();
        deaf.stop(Duration::from_millis(300)).unwrap();
        assert!(!willing.identity.alive() && !deaf.identity.alive());
    }

    /// A shell with a child in its own session, like the processes of PostgreSQL.
    fn parent() -> (Mortal, ProcessIdentity) {
        let script = "setsid sh -c 'echo $$; while :; do sleep 0.05; done' & wait";
        let mut child = Command::new("sh").args(["-c", script]).stdout(Stdio::piped()).spawn().unwrap();
        let mut output = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut output).unwrap();
        let grandchild = ProcessIdentity::of(output.trim().parse().unwrap()).unwrap();
        (Mortal::new(child), grandchild)
    }

    fn runs(identity: ProcessIdentity) -> bool {
        let system = look_up(identity.pid).unwrap();
        let halt = [ProcessStatus::Stop, ProcessStatus::UninterruptibleDiskSleep];
        identity.find(&system).is_some_and(|process| !halt.contains(&process.status()))
    }

    #[test]
    fn family_is_paused_resumed_and_killed_together() {
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
    fn paused_process_can_be_asked_to_end() {
        let mut process = talking_shell("trap 'exit 0' TERM; echo; while :; do sleep 0.05; done");
        family::pause(process.identity).unwrap();
        let begun = Instant::now();
        process.stop(Duration::from_secs(60)).unwrap();
        assert!(begun.elapsed() < Duration::from_secs(30), "it was killed only when its time was over");
    }

    #[test]
    fn later_process_with_the_same_pid_is_left_alone() {
        let mut process = shell("exec sleep 60");
        let earlier = ProcessIdentity { started: process.identity.started - 100, ..process.identity };
        assert!(!earlier.alive());
        Process::of_another(earlier, StopSignal::Terminate).stop(Duration::from_secs(1)).unwrap();
        assert!(process.alive());
        process.stop(Duration::from_secs(1)).unwrap();
    }

    #[test]
    fn exited_child_is_not_alive_before_it_is_waited_for() {
        let mut child = Command::new("sh").args(["-c", "exit 0"]).spawn().unwrap();
        let identity = ProcessIdentity::of(child.id());
        let gone = || Ok(!matches!(identity, Ok(identity) if identity.alive()));
        crate::eventually("the child's end", Duration::from_secs(10), gone, |gone| *gone).unwrap();
        child.wait().unwrap();
    }
}
