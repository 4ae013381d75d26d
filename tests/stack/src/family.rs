//! A process together with all that descend from it: PostgreSQL answers from one process for each connection, and each
//! of them is its own process group.

use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use sysinfo::{Pid, ProcessStatus, ProcessesToUpdate, Signal};

use crate::process::{Identity, table};

/// A process that is told to stop does so as soon as the kernel lets go of it.
const PATIENCE: Duration = Duration::from_secs(5);

/// Halts all of the family of `root`, which is who is returned. Some may run on for a moment.
pub(crate) fn halt(root: Identity) -> Result<Vec<Identity>> {
    let mut halted: Vec<Identity> = Vec::new();
    loop {
        // One that was about to start another when it was halted did so, or never will: nobody new is born of those.
        let new: Vec<Identity> = members(root)?.into_iter().filter(|member| !halted.contains(member)).collect();
        if new.is_empty() {
            return Ok(halted);
        }
        for member in new {
            member.signal(Signal::Stop)?;
            halted.push(member);
        }
    }
}

/// Halts all of the family of `root` and waits until none of it runs any more.
pub(crate) fn pause(root: Identity) -> Result<()> {
    let halted = halt(root)?;
    let begun = Instant::now();
    loop {
        let system = table(ProcessesToUpdate::All)?;
        // In an uninterruptible sleep it is on its way to be halted: it will not leave the kernel before. That can last,
        // as when it waits for a child that was halted before it became another program.
        let halt = |status| matches!(status, ProcessStatus::Stop | ProcessStatus::UninterruptibleDiskSleep);
        let runs = |member: &&Identity| member.find(&system).is_some_and(|process| !halt(process.status()));
        match halted.iter().find(runs) {
            None => return Ok(()),
            Some(member) if begun.elapsed() > PATIENCE => bail!("process {} runs on after SIGSTOP", member.pid),
            Some(_) => thread::sleep(Duration::from_millis(1)),
        }
    }
}

/// Lets all of the family of `root` go on.
pub(crate) fn resume(root: Identity) -> Result<()> {
    // A parent that goes on may wait for a child that does not.
    members(root)?.into_iter().rev().try_for_each(|member| member.signal(Signal::Continue))
}

/// Those alive, each after its parent.
pub(crate) fn members(root: Identity) -> Result<Vec<Identity>> {
    let system = table(ProcessesToUpdate::All)?;
    let mut members: Vec<Identity> = root.find(&system).map(|_| root).into_iter().collect();
    let mut seen = 0;
    while let Some(parent) = members.get(seen).map(|parent| Pid::from_u32(parent.pid)) {
        let children = system.processes().values().filter(|process| process.parent() == Some(parent));
        members.extend(children.map(Identity::from).filter(|child| child.find(&system).is_some()));
        seen += 1;
    }
    Ok(members)
}
