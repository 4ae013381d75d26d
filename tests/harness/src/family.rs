//! A process with all of its descendants. PostgreSQL has one process for each connection, and each is its own process
//! group.

use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use sysinfo::{Pid, ProcessStatus, ProcessesToUpdate, Signal};

use crate::process::{ProcessIdentity, table};

/// Bounds a failure: a process stops as soon as it leaves the kernel.
const PATIENCE: Duration = Duration::from_secs(5);

/// Halts the family of `root` and returns its members. Some may run for a moment longer.
pub(crate) fn halt(root: ProcessIdentity) -> Result<Vec<ProcessIdentity>> {
    let mut halted: Vec<ProcessIdentity> = Vec::new();
    loop {
        // A halted process has started its child by now, or never will: the members so far get no more children.
        let new: Vec<ProcessIdentity> = members(root)?.into_iter().filter(|member| !halted.contains(member)).collect();
        if new.is_empty() {
            return Ok(halted);
        }
        for member in new {
            member.signal(Signal::Stop)?;
            halted.push(member);
        }
    }
}

/// Halts the family of `root` and waits until none of its members runs.
pub(crate) fn pause(root: ProcessIdentity) -> Result<()> {
    let halted = halt(root)?;
    let begun = Instant::now();
    loop {
        let system = table(ProcessesToUpdate::All)?;
        // A process in an uninterruptible sleep will be halted before it leaves the kernel. That can take long: it may
        // wait for a child that was halted before it became another program.
        let halt = |status| matches!(status, ProcessStatus::Stop | ProcessStatus::UninterruptibleDiskSleep);
        let runs = |member: &&ProcessIdentity| member.find(&system).is_some_and(|process| !halt(process.status()));
        match halted.iter().find(runs) {
            None => return Ok(()),
            Some(member) if begun.elapsed() > PATIENCE => bail!("process {} runs on after SIGSTOP", member.pid),
            Some(_) => thread::sleep(Duration::from_millis(1)),
        }
    }
}

/// Resumes the family of `root`.
pub(crate) fn resume(root: ProcessIdentity) -> Result<()> {
    // Children first: a parent may wait for a child.
    members(root)?.into_iter().rev().try_for_each(|member| member.signal(Signal::Continue))
}

/// The members that are alive, each after its parent.
pub(crate) fn members(root: ProcessIdentity) -> Result<Vec<ProcessIdentity>> {
    let system = table(ProcessesToUpdate::All)?;
    let mut members: Vec<ProcessIdentity> = root.find(&system).map(|_| root).into_iter().collect();
    let mut seen = 0;
    while let Some(parent) = members.get(seen).map(|parent| Pid::from_u32(parent.pid)) {
        let children = system.processes().values().filter(|process| process.parent() == Some(parent));
        members.extend(children.map(ProcessIdentity::from).filter(|child| child.find(&system).is_some()));
        seen += 1;
    }
    Ok(members)
}
