//! The folders: the cache of this user, and one for each run of a stack.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result};
use directories::ProjectDirs;

use crate::launch;
use crate::process::Process;
use crate::state::State;

/// How long the logs of a run that failed are kept.
const KEEP_FAILED: Duration = Duration::from_secs(7 * 24 * 3600);

/// The name of a run's state file.
pub(crate) const STATE: &str = "stack.json";

/// Where binaries, runs and the state of `cargo xtask stack up` are kept: the user's cache folder.
///
/// # Errors
/// When this user has no home.
pub fn cache_folder() -> Result<PathBuf> {
    let folders = ProjectDirs::from("", "", "cachescope").context("no home folder, so no cache folder either")?;
    Ok(folders.cache_dir().to_owned())
}

/// Keeps every other start by this user waiting until the file is dropped. Two starts at once could choose the same
/// ports, and one of them take the other's answer to its probe for its own.
pub(crate) fn alone(cache: &Path) -> Result<File> {
    fs::create_dir_all(cache)?;
    let lock = File::create(cache.join("start.lock"))?;
    lock.lock().context("cannot lock the start of a stack")?;
    Ok(lock)
}

/// A new, empty folder for one run.
pub(crate) fn create(cache: &Path) -> Result<PathBuf> {
    let runs = cache.join("runs");
    fs::create_dir_all(&runs)?;
    Ok(tempfile::Builder::new().prefix("run-").tempdir_in(&runs)?.keep())
}

/// Clears up after runs whose process was killed before it could: stops the parts they left, removes their folders, and
/// the folders of failed runs once nobody will look at them. What cannot be cleared is left for the next time. Only
/// under the lock of [`alone`]: a stack that is just being started may look orphaned.
pub(crate) fn sweep(cache: &Path) {
    let Ok(runs) = fs::read_dir(cache.join("runs")) else { return };
    for run in runs.flatten().map(|entry| entry.path()) {
        let state = run.join(STATE);
        match State::read(&state) {
            Ok(state) if state.orphaned() => {
                let mut left: Vec<Process> = state.processes().map(Process::of_another).collect();
                if launch::stop(left.iter_mut()).is_ok() {
                    fs::remove_dir_all(&run).ok();
                }
            }
            Ok(_) => {}
            Err(_) => {
                let age = fs::metadata(&run).and_then(|data| data.modified()).ok().and_then(|at| at.elapsed().ok());
                if age.is_some_and(|age| age > KEEP_FAILED) {
                    fs::remove_dir_all(&run).ok();
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::collector::CollectorPart;
    use crate::launch::Started;
    use crate::ports::Ports;
    use crate::process::Identity;
    use std::process::Command;

    fn sleeper() -> Process {
        Process::child(Command::new("sleep").arg("60").spawn().unwrap()).unwrap()
    }

    fn left_by(owner: Option<Identity>, file: &Path, cache: &Path) -> (PathBuf, Identity) {
        let run = create(cache).unwrap();
        let started = Started { part: &CollectorPart, process: sleeper(), log: run.join("collector.log") };
        let mut state = State::new(owner, file.to_owned(), run.clone(), Ports::choose(&[]).unwrap());
        state.add(&started);
        state.write(&run.join(STATE)).unwrap();
        (run, started.process.identity)
    }

    #[test]
    fn what_nobody_will_stop_is_stopped_and_the_rest_is_not() {
        let cache = tempfile::tempdir().unwrap();
        let known = tempfile::NamedTempFile::new().unwrap();
        let mut killed = sleeper();
        killed.stop(Duration::from_secs(5)).unwrap();
        let gone = cache.path().join("gone.json");
        let orphans = [left_by(Some(killed.identity), &gone, cache.path()), left_by(None, &gone, cache.path())];
        let others =
            [left_by(Some(Identity::own().unwrap()), &gone, cache.path()), left_by(None, known.path(), cache.path())];
        sweep(cache.path());
        for (run, part) in orphans {
            assert!(!part.alive() && !run.exists());
        }
        for (run, part) in others {
            assert!(part.alive() && run.exists());
            Process::of_another(part).stop(Duration::from_secs(5)).unwrap();
        }
    }
}
