//! Folders: the cache of the user, and a folder for each run of a stack or server.

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

/// The time for which the logs of a failed run are kept.
const KEEP_FAILED: Duration = Duration::from_secs(7 * 24 * 3600);

/// The name of a run's state file.
pub(crate) const STATE: &str = "stack.json";

/// The user's cache folder, which keeps binaries, runs and the state of `cargo xtask stack up`.
///
/// # Errors
/// When the user has no home folder.
pub fn cache_folder() -> Result<PathBuf> {
    let folders = ProjectDirs::from("", "", "cachescope").context("no home folder, so no cache folder either")?;
    Ok(folders.cache_dir().to_owned())
}

/// Makes every other start of this user wait until the file is dropped. Two starts at once could choose the same ports,
/// and take each other's answers to probes for their own.
pub(crate) fn alone(cache: &Path) -> Result<File> {
    fs::create_dir_all(cache)?;
    let lock = File::create(cache.join("start.lock"))?;
    lock.lock().context("cannot lock the start of a stack")?;
    Ok(lock)
}

/// Creates an empty folder for a run.
pub(crate) fn create(cache: &Path) -> Result<PathBuf> {
    let runs = cache.join("runs");
    fs::create_dir_all(&runs)?;
    Ok(tempfile::Builder::new().prefix("run-").tempdir_in(&runs)?.keep())
}

/// The folder of a run for parts that run as another user, in the system's temporary folder. Others can enter it but not
/// list it. Its name is as hard to guess as the name of the run.
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
            // Another user may have taken the name first, and must not own the files of a part.
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

/// Removes the folders of a run and their content, as far as possible.
pub(crate) fn remove(run: &Path) {
    fs::remove_dir_all(open(run)).ok();
    fs::remove_dir_all(run).ok();
}

/// Removes all files of a run except its logs.
pub(crate) fn remove_data(run: &Path) {
    fs::remove_dir_all(open(run)).ok();
    for entry in fs::read_dir(run).into_iter().flatten().flatten() {
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            fs::remove_dir_all(entry.path()).ok();
        }
    }
}

/// Cleans up after runs whose process was killed: stops their parts and removes their folders. Also removes the folders
/// of failed runs after [`KEEP_FAILED`]. Failures to clean up are left for the next time. Call it only under the lock
/// of [`alone`]: a stack that is just starting looks orphaned.
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
    use crate::process::{Process, ProcessIdentity, StopSignal};
    use std::process::Command;

    fn sleeper() -> Process {
        Process::child(Command::new("sleep").arg("60").spawn().unwrap(), StopSignal::Terminate).unwrap()
    }

    fn left_by(owner: Option<ProcessIdentity>, file: &Path, cache: &Path) -> (PathBuf, ProcessIdentity) {
        let run = create(cache).unwrap();
        let started = Started { part: &CollectorPart, process: sleeper(), log: run.join("collector.log") };
        let mut state = State::new(owner, file.to_owned(), run.clone(), Ports::choose(&[]).unwrap());
        state.add(&started);
        state.write(&run.join(STATE)).unwrap();
        (run, started.process.identity)
    }

    #[test]
    fn sweep_stops_orphaned_parts_and_no_others() {
        let cache = tempfile::tempdir().unwrap();
        let known = tempfile::NamedTempFile::new().unwrap();
        let mut killed = sleeper();
        killed.stop(Duration::from_secs(5)).unwrap();
        let gone = cache.path().join("gone.json");
        let orphans = [left_by(Some(killed.identity), &gone, cache.path()), left_by(None, &gone, cache.path())];
        let others = [
            left_by(Some(ProcessIdentity::own().unwrap()), &gone, cache.path()),
            left_by(None, known.path(), cache.path()),
        ];
        sweep(cache.path());
        for (run, part) in orphans {
            assert!(!part.alive() && !run.exists());
        }
        for (run, part) in others {
            assert!(part.alive() && run.exists());
            Process::of_another(part, StopSignal::Terminate).stop(Duration::from_secs(5)).unwrap();
        }
    }
    #[test]
    fn open_folder_is_created_and_removed_with_its_run() {
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
