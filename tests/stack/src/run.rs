//! The folders: the cache of this user, and one for each run of a stack.

use std::ffi::OsString;
use std::fs::{self, DirBuilder, File};
use std::io::ErrorKind;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use directories::ProjectDirs;

use crate::launch;
use crate::state::State;
use crate::user::User;

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

/// Where a run has the folders of parts that run as another user: open for them to go through, beside everybody's
/// temporary files. Its name tells nobody more than the run's, which nobody else can guess.
fn open(run: &Path) -> PathBuf {
    let mut name = OsString::from("cachescope-");
    name.push(run.file_name().unwrap_or_default());
    std::env::temp_dir().join(name)
}

/// Creates that folder unless this run has it.
pub(crate) fn create_open(run: &Path) -> Result<()> {
    let folder = open(run);
    match DirBuilder::new().mode(0o711).create(&folder) {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {
            // Whoever was faster to take this name must not own what we start in there.
            let owners = [&folder, run].map(|folder| fs::symlink_metadata(folder).map(|data| data.uid()));
            let [Ok(there), Ok(ours)] = owners else { bail!("cannot look at {}", folder.display()) };
            ensure!(there == ours, "{} is another user's", folder.display());
            Ok(())
        }
        outcome => outcome.with_context(|| format!("cannot create {}", folder.display())),
    }
}

/// The folder of a part that runs as `user`.
pub(crate) fn folder_of(part: &str, user: Option<User>, run: &Path) -> PathBuf {
    if user.is_some() { open(run).join(part) } else { run.join(part) }
}

/// Removes a run's folders with all that is in them, as far as possible.
pub(crate) fn remove(run: &Path) {
    fs::remove_dir_all(open(run)).ok();
    fs::remove_dir_all(run).ok();
}

/// Removes all but the logs of a run.
pub(crate) fn remove_data(run: &Path) {
    fs::remove_dir_all(open(run)).ok();
    for entry in fs::read_dir(run).into_iter().flatten().flatten() {
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            fs::remove_dir_all(entry.path()).ok();
        }
    }
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
                if launch::stop(state.processes().iter_mut()).is_ok() {
                    remove(&run);
                }
            }
            Ok(_) => {}
            Err(_) => {
                let age = fs::metadata(&run).and_then(|data| data.modified()).ok().and_then(|at| at.elapsed().ok());
                if age.is_some_and(|age| age > KEEP_FAILED) {
                    remove(&run);
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
    use crate::process::{Ending, Identity, Process};
    use std::process::Command;

    fn sleeper() -> Process {
        Process::child(Command::new("sleep").arg("60").spawn().unwrap(), Ending::Terminate).unwrap()
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
            Process::of_another(part, Ending::Terminate).stop(Duration::from_secs(5)).unwrap();
        }
    }
    #[test]
    fn the_open_folder_comes_and_goes_with_its_run() {
        let cache = tempfile::tempdir().unwrap();
        let run = create(cache.path()).unwrap();
        create_open(&run).unwrap();
        create_open(&run).unwrap();
        let open = open(&run);
        assert_eq!(open.metadata().unwrap().mode() & 0o777, 0o711);
        fs::create_dir(run.join("part")).unwrap();
        fs::write(run.join("part.log"), "").unwrap();
        remove_data(&run);
        assert!(!open.exists() && !run.join("part").exists() && run.join("part.log").exists());
        create_open(&run).unwrap();
        remove(&run);
        assert!(!open.exists() && !run.exists());
    }
}
