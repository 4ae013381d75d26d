//! Starting parts and waiting until all are ready.

use std::fs::{self, OpenOptions};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::log;
use crate::part::Part;
use crate::ports::Ports;
use crate::process::Process;
use crate::run;
use crate::tree;

/// Bounds a failure: all parts start within two seconds; a loaded CI machine gets a minute.
const DEADLINE: Duration = Duration::from_secs(60);

/// The time that a part gets to flush its data after it was asked to end.
pub(crate) const GRACE: Duration = Duration::from_secs(10);

/// A part that was started.
#[derive(Debug)]
pub(crate) struct Started {
    pub(crate) part: &'static dyn Part,
    pub(crate) process: Process,
    pub(crate) log: PathBuf,
}

/// The number of times that ports are chosen before a taken port is a failure.
const ATTEMPTS: usize = 5;

/// Repeats `attempt`, which chooses ports and starts something on them, while other programs take these ports first.
pub(crate) fn with_free_ports<T>(mut attempt: impl FnMut() -> Result<T>) -> Result<T> {
    let mut left = ATTEMPTS;
    loop {
        left -= 1;
        match attempt() {
            Err(error) if port_taken(&error) && left > 0 => {}
            outcome => return outcome,
        }
    }
}

/// Prepares the folder of `part` in `run` for the first start.
pub(crate) fn prepare(part: &dyn Part, cache: &Path, program: &Path, ports: &Ports, run: &Path) -> Result<()> {
    let user = part.user()?;
    if user.is_some() {
        run::create_open(run)?;
    }
    let folder = run::folder_of(part.name(), user, run);
    fs::create_dir(&folder).with_context(|| format!("cannot create {}", folder.display()))?;
    part.prepare(cache, program, ports, &folder)?;
    user.map_or(Ok(()), |user| tree::give(&folder, user))
}

/// Starts `part` in its folder in `run`, with a log of its own. A detached part outlives this process and its terminal:
/// it has its own process group, which Ctrl-C doesn't reach.
pub(crate) fn spawn(
    part: &'static dyn Part,
    program: &Path,
    ports: &Ports,
    run: &Path,
    detached: bool,
) -> Result<Started> {
    let user = part.user()?;
    let folder = run::folder_of(part.name(), user, run);
    let log = run.join(format!("{}.log", part.name()));
    let output = OpenOptions::new().create(true).append(true).open(&log)?;
    let mut command = part.command(program, ports, &folder)?;
    command.current_dir(&folder).stdin(Stdio::null()).stdout(output.try_clone()?).stderr(output);
    if let Some(user) = user {
        user.run(&mut command);
    }
    if detached {
        command.process_group(0);
    }
    let child = command.spawn().with_context(|| format!("cannot start {} ({})", part.name(), program.display()))?;
    let process = Process::child(child, part.ending()).with_context(|| gone(part, &log))?;
    Ok(Started { part, process, log })
}

/// Waits until all of these parts are ready.
///
/// # Errors
/// As soon as a part exits, or when it isn't ready in time; names the part and shows the end of its log.
pub(crate) fn await_ready<'a>(started: impl Iterator<Item = &'a mut Started>, ports: &Ports) -> Result<()> {
    let begun = Instant::now();
    let mut waiting: Vec<&mut Started> = started.collect();
    while !waiting.is_empty() {
        let mut not_yet = Vec::new();
        for part in waiting {
            // In this order: if another program has the port, its answer must not count as the part's.
            let answer = part.part.ready(ports);
            if !part.process.alive() {
                bail!(gone(part.part, &part.log));
            }
            if matches!(answer, Ok(true)) {
                continue;
            }
            if begun.elapsed() > DEADLINE {
                let why = answer.err().map_or_else(|| "its probe says no".to_owned(), |error| format!("{error:#}"));
                bail!("{} is not ready after {DEADLINE:?}: {why}\n{}", part.part.name(), log::tail(&part.log));
            }
            not_yet.push(part);
        }
        waiting = not_yet;
        if !waiting.is_empty() {
            thread::sleep(Duration::from_millis(20));
        }
    }
    Ok(())
}

/// Whether the cause of `error` is a port that was taken after it was chosen.
pub(crate) fn port_taken(error: &anyhow::Error) -> bool {
    // Programs in Go write it in lower case.
    format!("{error:#}").to_lowercase().contains("address already in use")
}

fn gone(part: &dyn Part, log: &Path) -> String {
    format!("{} exited at its start\n{}", part.name(), log::tail(log))
}

/// Stops all processes at once. Returns the last error.
pub(crate) fn stop<'a>(processes: impl Iterator<Item = &'a mut Process>) -> Result<()> {
    thread::scope(|scope| {
        let stopping: Vec<_> = processes.map(|process| scope.spawn(|| process.stop(GRACE))).collect();
        let mut outcome = Ok(());
        for thread in stopping {
            match thread.join() {
                Ok(Ok(())) => {}
                Ok(error) => outcome = error,
                Err(_) => outcome = Err(anyhow::anyhow!("a thread that stops a part panicked")),
            }
        }
        outcome
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::Command;

    #[derive(Debug)]
    struct Script(&'static str);

    impl Part for Script {
        fn name(&self) -> &'static str {
            "script"
        }
        fn ports(&self) -> &'static [&'static str] {
            &[]
        }
        fn program(&self, _cache: &Path) -> Result<PathBuf> {
            Ok("sh".into())
        }
        fn command(&self, program: &Path, _ports: &Ports, _folder: &Path) -> Result<Command> {
            let mut command = Command::new(program);
            command.args(["-c", self.0]);
            Ok(command)
        }
        fn ready(&self, _ports: &Ports) -> Result<bool> {
            Ok(false)
        }
    }

    fn start(part: &'static Script) -> anyhow::Error {
        let run = tempfile::tempdir().unwrap();
        let ports = Ports::choose(&[]).unwrap();
        prepare(part, run.path(), Path::new("sh"), &ports, run.path()).unwrap();
        match spawn(part, Path::new("sh"), &ports, run.path(), false) {
            Ok(mut started) => await_ready([&mut started].into_iter(), &ports).unwrap_err(),
            Err(error) => error,
        }
    }

    #[test]
    fn part_that_exits_at_once_shows_its_log() {
        let error = start(&Script("echo the config is wrong >&2; exit 1"));
        let text = format!("{error:#}");
        assert!(text.contains("script exited") && text.contains("the config is wrong"), "{text}");
        assert!(!port_taken(&error));
    }

    #[test]
    fn taken_port_is_distinguished_from_other_failures() {
        assert!(port_taken(&start(&Script("echo listen tcp: bind: address already in use; exit 1"))));
        assert!(port_taken(&start(&Script("echo could not bind: Address already in use; exit 1"))));
    }
    #[test]
    fn taken_port_is_replaced_a_limited_number_of_times() {
        let mut attempts = 0;
        let mut attempt = |taken: usize| {
            with_free_ports(|| {
                attempts += 1;
                if attempts <= taken { bail!("address already in use") } else { Ok(attempts) }
            })
        };
        assert_eq!(attempt(2).unwrap(), 3);
        assert!(attempt(usize::MAX).is_err());
        assert_eq!(attempts, 3 + ATTEMPTS);
        assert!(with_free_ports::<()>(|| bail!("another reason")).is_err());
    }
}
