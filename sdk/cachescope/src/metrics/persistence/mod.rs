//! A cache's numbers, kept over restarts.

mod file;
mod format;
mod keeper;

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use cachescope_core::ConfigError;

pub use self::file::MetricsFile;
pub(crate) use self::keeper::Keeper;

const INTERVAL: Duration = Duration::from_secs(10);

/// Where a cache keeps its numbers for the next process, and how often it saves them: given to
/// [`Builder::persist_metrics`](crate::Builder::persist_metrics). A path is one as well.
///
/// ```
/// use std::time::Duration;
/// use cachescope::Persistence;
///
/// let every_minute = Persistence::in_file("/var/lib/shop/user.metrics").every(Duration::from_secs(60));
/// ```
#[derive(Debug)]
pub struct Persistence {
    store: Box<dyn MetricsStore>,
    interval: Duration,
    reported: bool,
}

impl Persistence {
    /// In this file, which is made with its folder if there is none. Beside it stand `PATH.lock`, by which one process
    /// at a time has it, and for moments `PATH.new`, which takes its place once it is whole and on the disk.
    pub fn in_file(path: impl Into<PathBuf>) -> Self {
        Self::in_store(MetricsFile::at(path))
    }

    /// Wherever `store` says.
    pub fn in_store(store: impl MetricsStore) -> Self {
        Self { store: Box::new(store), interval: INTERVAL, reported: false }
    }

    /// How often they are saved, and so how much a crash can lose. Default: 10 seconds. A save takes the time of a
    /// small file's write and sync, on a thread of its own for all caches of the process.
    #[must_use]
    pub fn every(mut self, interval: Duration) -> Self {
        self.interval = interval;
        self
    }

    /// Has telemetry tell what earlier processes counted, as `cachescope.requests.restored`. Default: it doesn't; its
    /// counters are those of the process.
    #[must_use]
    pub fn reported(mut self) -> Self {
        self.reported = true;
        self
    }

    pub(crate) fn check(&self) -> Result<(), ConfigError> {
        if self.interval.is_zero() {
            return Err(ConfigError::new("metrics saved every 0 s leave no time for else: give it 10 s, say"));
        }
        self.store.check()
    }

    pub(crate) fn is_reported(&self) -> bool {
        self.reported
    }

    pub(crate) fn interval(&self) -> Duration {
        self.interval
    }
}

impl From<PathBuf> for Persistence {
    fn from(path: PathBuf) -> Self {
        Self::in_file(path)
    }
}

impl From<&Path> for Persistence {
    fn from(path: &Path) -> Self {
        Self::in_file(path)
    }
}

impl From<&str> for Persistence {
    fn from(path: &str) -> Self {
        Self::in_file(path)
    }
}

impl From<String> for Persistence {
    fn from(path: String) -> Self {
        Self::in_file(path)
    }
}

/// A place to keep one cache's numbers in, as a file is. For others: a row of a table, an object in a bucket.
///
/// What is saved is checked when it is read, by version, length and checksum. Its errors are said in one warning, and
/// tried again at each interval. It is called on the thread that builds the cache, and then on one that saves for all
/// caches; it may block.
pub trait MetricsStore: fmt::Debug + Send + 'static {
    /// Says what can't work as it is configured, when the cache is built.
    ///
    /// # Errors
    /// With a sentence that says what to change.
    fn check(&self) -> Result<(), ConfigError> {
        Ok(())
    }

    /// Takes the place for this cache alone, until the store is dropped, and reads what was saved there; `None` where
    /// nothing ever was. Called until it gives no error.
    ///
    /// # Errors
    /// If it can't be read, or another has it: two that save to one place would lose each other's numbers.
    fn open(&mut self) -> io::Result<Option<Vec<u8>>>;

    /// Replaces what was saved, all of it or not at all, whenever the process may end.
    ///
    /// # Errors
    /// If it can't be written; what was saved before is then still there.
    fn save(&mut self, bytes: &[u8]) -> io::Result<()>;

    /// Puts what was saved where it is not written over, because it can't be used, and says where that is.
    ///
    /// # Errors
    /// If it can't; it is then left as it is, and nothing is saved.
    fn set_aside(&mut self) -> io::Result<String>;
}
