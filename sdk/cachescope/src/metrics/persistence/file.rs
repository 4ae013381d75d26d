//! Saved metrics in a file.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use cachescope_core::ConfigError;

use super::MetricsStore;

/// The most bytes that are read. Files that this module writes are far smaller.
const READ_LIMIT: u64 = 16 << 20;

/// A file for the metrics of one cache: the store of [`Persistence::in_file`](super::Persistence::in_file). Use it to
/// write a [`MetricsStore`] that does more.
///
/// ```
/// use cachescope::metrics::{MetricsFile, Persistence};
///
/// let persistence = Persistence::in_store(MetricsFile::new("/var/lib/shop/user.metrics"));
/// ```
#[derive(Debug)]
pub struct MetricsFile {
    path: PathBuf,
    lock: Option<Lock>,
}

impl MetricsFile {
    /// Creates a store for this path. Opens nothing yet.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into(), lock: None }
    }

    fn beside(&self, suffix: &str) -> PathBuf {
        let mut name = OsString::from(&self.path);
        name.push(suffix);
        name.into()
    }

    fn lock(&self) -> io::Result<Lock> {
        if let Some(folder) = self.path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
            fs::create_dir_all(folder).map_err(|error| with_path(folder, &error))?;
        }
        let path = self.beside(".lock");
        let file = OpenOptions::new().create(true).truncate(false).write(true).open(&path);
        let file = file.map_err(|error| with_path(&path, &error))?;
        match file.try_lock() {
            Ok(()) => Ok(Lock(file)),
            Err(TryLockError::WouldBlock) => {
                let what = "another cache, of this or another process, uses this file: give each cache its own path";
                Err(with_path(&self.path, &io::Error::new(io::ErrorKind::WouldBlock, what)))
            }
            Err(TryLockError::Error(error)) => Err(with_path(&path, &error)),
        }
    }

    fn read(&self) -> io::Result<Option<Vec<u8>>> {
        let file = match File::open(&self.path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(with_path(&self.path, &error)),
        };
        let mut bytes = Vec::new();
        file.take(READ_LIMIT).read_to_end(&mut bytes).map_err(|error| with_path(&self.path, &error))?;
        Ok(Some(bytes))
    }
}

impl MetricsStore for MetricsFile {
    fn check(&self) -> Result<(), ConfigError> {
        if self.path.file_name().is_none() || self.path.is_dir() {
            let path = self.path.display();
            return Err(ConfigError::new(format!(
                "the path of saved metrics must be that of a file, got \"{path}\": \
                 the file is created if it doesn't exist"
            )));
        }
        Ok(())
    }

    fn open(&mut self) -> io::Result<Option<Vec<u8>>> {
        // A second lock can't be taken while the first is held, even by this process.
        self.lock = None;
        let lock = self.lock()?;
        let bytes = self.read()?;
        self.lock = Some(lock);
        Ok(bytes)
    }

    fn save(&mut self, bytes: &[u8]) -> io::Result<()> {
        let new = self.beside(".new");
        let write = || {
            let mut file = File::create(&new)?;
            file.write_all(bytes)?;
            // Synced before it replaces the old file, so a power failure leaves one of the two complete.
            file.sync_all()
        };
        write().map_err(|error| with_path(&new, &error))?;
        fs::rename(&new, &self.path).map_err(|error| with_path(&self.path, &error))
    }

    fn set_aside(&mut self) -> io::Result<String> {
        // No one else takes the name, since the lock is held.
        let free = (1..).map(|number| self.beside(&format!(".unread-{number}"))).find(|path| !path.exists());
        let aside = free.ok_or_else(|| io::Error::other("no free name for the unreadable file"))?;
        fs::rename(&self.path, &aside).map_err(|error| with_path(&self.path, &error))?;
        Ok(aside.display().to_string())
    }
}

/// A locked file. If the process ends in any way, the operating system releases the lock.
#[derive(Debug)]
struct Lock(File);

/// Unlocks explicitly. Closing the file isn't enough: a child process that is being started holds all open files of
/// this process until it runs its own program.
impl Drop for Lock {
    fn drop(&mut self) {
        // If unlocking fails, closing the file is all that is left.
        let _ = self.0.unlock();
    }
}

/// Adds the path to an error.
fn with_path(path: &Path, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{}: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn contents(path: &Path) -> Vec<u8> {
        fs::read(path).expect("the file exists")
    }

    #[test]
    fn saved_bytes_are_read_by_the_next_process() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("new").join("cache.metrics");
        let mut file = MetricsFile::new(path.clone());
        assert_eq!(file.open().unwrap(), None);
        file.save(b"one").unwrap();
        file.save(b"two").unwrap();
        drop(file);
        assert_eq!(MetricsFile::new(path.clone()).open().unwrap().unwrap(), b"two");
        assert!(!path.with_extension("metrics.new").exists());
    }

    #[test]
    fn second_cache_cannot_open_the_same_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("cache.metrics");
        let [mut one, mut other] = [MetricsFile::new(path.clone()), MetricsFile::new(path)];
        one.open().unwrap();
        let error = other.open().unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::WouldBlock);
        assert!(error.to_string().contains("give each cache its own path"), "{error}");
        drop(one);
        other.open().unwrap();
    }

    /// A process that is being started keeps the files open until it runs its own program.
    #[test]
    fn drop_releases_the_lock_while_the_file_is_open_elsewhere() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("cache.metrics");
        let mut one = MetricsFile::new(path.clone());
        one.open().unwrap();
        let _elsewhere = one.lock.as_ref().unwrap().0.try_clone().unwrap();
        drop(one);
        MetricsFile::new(path).open().unwrap();
    }

    #[test]
    fn set_aside_keeps_all_files() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("cache.metrics");
        let mut file = MetricsFile::new(path.clone());
        let aside = [b"one", b"two"].map(|bytes| {
            fs::write(&path, bytes).unwrap();
            assert_eq!(file.open().unwrap().unwrap(), bytes);
            file.set_aside().unwrap()
        });
        assert_eq!(aside.map(|path| contents(path.as_ref())), [b"one", b"two"]);
        assert!(!path.exists());
    }

    #[test]
    fn folder_is_rejected_and_errors_name_the_path() {
        let folder = tempfile::tempdir().unwrap();
        let refused = MetricsFile::new(folder.path().to_owned()).check().unwrap_err().to_string();
        assert!(refused.contains("must be that of a file"), "{refused}");
        assert!(MetricsFile::new(PathBuf::new()).check().is_err());
        fs::write(folder.path().join("file"), b"").unwrap();
        let mut below = MetricsFile::new(folder.path().join("file").join("cache.metrics"));
        assert!(below.open().unwrap_err().to_string().contains("file"));
    }
}
