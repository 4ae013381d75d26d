//! Numbers kept in a file.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use cachescope_core::ConfigError;

use super::MetricsStore;

/// No file of ours is as large: what is larger isn't read to its end.
const READ_LIMIT: u64 = 16 << 20;

/// A file, which one cache at a time has: the store of [`Persistence::in_file`](super::Persistence::in_file), for
/// stores that do more.
///
/// ```
/// use cachescope::{MetricsFile, Persistence};
///
/// let persistence = Persistence::in_store(MetricsFile::at("/var/lib/shop/user.metrics"));
/// ```
#[derive(Debug)]
pub struct MetricsFile {
    path: PathBuf,
    lock: Option<Lock>,
}

impl MetricsFile {
    /// At this path. Nothing is opened yet.
    pub fn at(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into(), lock: None }
    }

    fn beside(&self, suffix: &str) -> PathBuf {
        let mut name = OsString::from(&self.path);
        name.push(suffix);
        name.into()
    }

    fn lock(&self) -> io::Result<Lock> {
        if let Some(folder) = self.path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
            fs::create_dir_all(folder).map_err(|error| at(folder, &error))?;
        }
        let path = self.beside(".lock");
        let file = OpenOptions::new().create(true).truncate(false).write(true).open(&path);
        let file = file.map_err(|error| at(&path, &error))?;
        match file.try_lock() {
            Ok(()) => Ok(Lock(file)),
            Err(TryLockError::WouldBlock) => {
                let what =
                    "another cache keeps its metrics there, of this process or another: give each a path of its own";
                Err(at(&self.path, &io::Error::new(io::ErrorKind::WouldBlock, what)))
            }
            Err(TryLockError::Error(error)) => Err(at(&path, &error)),
        }
    }

    fn read(&self) -> io::Result<Option<Vec<u8>>> {
        let file = match File::open(&self.path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(at(&self.path, &error)),
        };
        let mut bytes = Vec::new();
        file.take(READ_LIMIT).read_to_end(&mut bytes).map_err(|error| at(&self.path, &error))?;
        Ok(Some(bytes))
    }
}

impl MetricsStore for MetricsFile {
    fn check(&self) -> Result<(), ConfigError> {
        if self.path.file_name().is_none() || self.path.is_dir() {
            let path = self.path.display();
            return Err(ConfigError::new(format!(
                "metrics can't be kept in \"{path}\": give it the path of a file, which is made where there is none"
            )));
        }
        Ok(())
    }

    fn open(&mut self) -> io::Result<Option<Vec<u8>>> {
        // A second lock isn't to be had while this is held, even here.
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
            // Before it takes the old one's place: a power cut leaves the one or the other.
            file.sync_all()
        };
        write().map_err(|error| at(&new, &error))?;
        fs::rename(&new, &self.path).map_err(|error| at(&self.path, &error))
    }

    fn set_aside(&mut self) -> io::Result<String> {
        // The lock is held, so nobody else takes the name.
        let free = (1..).map(|number| self.beside(&format!(".unread-{number}"))).find(|path| !path.exists());
        let aside = free.ok_or_else(|| io::Error::other("no free name"))?;
        fs::rename(&self.path, &aside).map_err(|error| at(&self.path, &error))?;
        Ok(aside.display().to_string())
    }
}

/// A locked file. The end of its process unlocks it as well, whatever that is.
#[derive(Debug)]
struct Lock(File);

/// Closing it would do only while nobody else has it open: a process that this one is just starting has all its files,
/// until its own program runs.
impl Drop for Lock {
    fn drop(&mut self) {
        // Where that can't be done, closing is all there is.
        let _ = self.0.unlock();
    }
}

/// The error with the path it is about.
fn at(path: &Path, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{}: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn contents(path: &Path) -> Vec<u8> {
        fs::read(path).expect("it is there")
    }

    #[test]
    fn what_was_saved_is_read_by_the_next() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("new").join("cache.metrics");
        let mut file = MetricsFile::at(path.clone());
        assert_eq!(file.open().unwrap(), None);
        file.save(b"one").unwrap();
        file.save(b"two").unwrap();
        drop(file);
        assert_eq!(MetricsFile::at(path.clone()).open().unwrap().unwrap(), b"two");
        assert!(!path.with_extension("metrics.new").exists());
    }

    #[test]
    fn one_at_a_time_has_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("cache.metrics");
        let [mut one, mut other] = [MetricsFile::at(path.clone()), MetricsFile::at(path)];
        one.open().unwrap();
        let error = other.open().unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::WouldBlock);
        assert!(error.to_string().contains("give each a path of its own"), "{error}");
        drop(one);
        other.open().unwrap();
    }

    /// As a process that is being started has it, for as long as its own program doesn't run.
    #[test]
    fn it_is_free_once_dropped_though_the_lock_s_file_is_still_open_elsewhere() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("cache.metrics");
        let mut one = MetricsFile::at(path.clone());
        one.open().unwrap();
        let _elsewhere = one.lock.as_ref().unwrap().0.try_clone().unwrap();
        drop(one);
        MetricsFile::at(path).open().unwrap();
    }

    #[test]
    fn what_is_set_aside_is_all_kept() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("cache.metrics");
        let mut file = MetricsFile::at(path.clone());
        let aside = [b"one", b"two"].map(|bytes| {
            fs::write(&path, bytes).unwrap();
            assert_eq!(file.open().unwrap().unwrap(), bytes);
            file.set_aside().unwrap()
        });
        assert_eq!(aside.map(|path| contents(path.as_ref())), [b"one", b"two"]);
        assert!(!path.exists());
    }

    #[test]
    fn a_folder_is_refused_and_a_path_that_can_not_be_made_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let refused = MetricsFile::at(folder.path().to_owned()).check().unwrap_err().to_string();
        assert!(refused.contains("give it the path of a file"), "{refused}");
        assert!(MetricsFile::at(PathBuf::new()).check().is_err());
        fs::write(folder.path().join("file"), b"").unwrap();
        let mut below = MetricsFile::at(folder.path().join("file").join("cache.metrics"));
        assert!(below.open().unwrap_err().to_string().contains("file"));
    }
}
