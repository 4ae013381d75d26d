//! Starting parts, and waiting until all of them can be used.

use std::fs::{self, File};
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

/// All parts are up within two seconds here; a loaded CI machine gets a minute.
const DEADLINE: Duration = Duration::from_secs(60);

/// A part that was asked to end flushes first; none has more than this to flush.
pub(crate) const GRACE: Duration = Duration::from_secs(10);

/// A part that was started.
#[derive(Debug)]
pub(crate) struct Started {
    pub(crate) part: &'static dyn Part,
    pub(crate) process: Process,
    pub(crate) log: PathBuf,
}

/// Starts `part` with a folder and a log of its own in `run`. A detached one stays when this process and its terminal
/// go: it is in a process group of its own, where no Ctrl-C reaches it.
pub(crate) fn spawn(
    part: &'static dyn Part,
    program: &Path,
    ports: &Ports,
    run: &Path,
    detached: bool,
) -> Result<Started> {
    let folder = run.join(part.name());
    fs::create_dir_all(&folder)?;
    let log = run.join(format!("{}.log", part.name()));
    let output = File::create(&log)?;
    let mut command = part.command(program, ports, &folder)?;
    command.current_dir(&folder).stdin(Stdio::null()).stdout(output.try_clone()?).stderr(output);
    if detached {
        command.process_group(0);
    }
    let child = command.spawn().with_context(|| format!("cannot start {} ({})", part.name(), program.display()))?;
    let process = Process::child(child).with_context(|| gone(part, &log))?;
    Ok(Started { part, process, log })
}

/// Waits until every one of these parts is ready.
///
/// # Errors
/// As soon as one exits, or when one is not ready in time; names it and shows the end of its log.
pub(crate) fn await_ready<'a>(started: impl Iterator<Item = &'a mut Started>, ports: &Ports) -> Result<()> {
    let begun = Instant::now();
    let mut waiting: Vec<&mut Started> = started.collect();
    while !waiting.is_empty() {
        let mut not_yet = Vec::new();
        for part in waiting {
            // In this order: another program's answer on a port our part failed to get must not count.
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

/// Whether `error`, from above, came of a port that somebody took after it was chosen.
pub(crate) fn port_taken(error: &anyhow::Error) -> bool {
    format!("{error:#}").contains("address already in use")
}

fn gone(part: &dyn Part, log: &Path) -> String {
    format!("{} exited at its start\n{}", part.name(), log::tail(log))
}

/// Stops all of them at once, the last error winning.
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
        match spawn(part, Path::new("sh"), &ports, run.path(), false) {
            Ok(mut started) => await_ready([&mut started].into_iter(), &ports).unwrap_err(),
            Err(error) => error,
        }
    }

    #[test]
    fn a_part_that_exits_at_once_shows_its_log() {
        let error = start(&Script("echo the config is wrong >&2; exit 1"));
        let text = format!("{error:#}");
        assert!(text.contains("script exited") && text.contains("the config is wrong"), "{text}");
        assert!(!port_taken(&error));
    }

    #[test]
    fn a_taken_port_is_told_from_other_failures() {
        assert!(port_taken(&start(&Script("echo listen tcp: bind: address already in use; exit 1"))));
    }
}
