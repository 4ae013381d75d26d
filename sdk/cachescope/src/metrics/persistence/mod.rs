//! Saves the numbers of a cache, so that they survive restarts.

mod encoding;
mod file;
mod saver;

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use cachescope_core::ConfigError;

pub use self::file::MetricsFile;
pub(crate) use self::saver::MetricsSaver;

const INTERVAL: Duration = Duration::from_secs(10);

/// Where a cache saves its numbers for the next process, and how often. Passed to
/// [`Builder::persist_metrics`](crate::Builder::persist_metrics), which also takes a path.
///
/// ```
/// use std::time::Duration;
/// use cachescope::metrics::Persistence;
///
/// let every_minute = Persistence::in_file("/var/lib/shop/user.metrics").every(Duration::from_secs(60));
/// ```
#[doc(alias = "snapshot")]
#[derive(Debug)]
pub struct Persistence {
    store: Box<dyn MetricsStore>,
    interval: Duration,
    exports_restored: bool,
}

impl Persistence {
    /// Saves the numbers in this file. The file and its folder are created if they don't exist.
    ///
    /// Two more files are beside it. `PATH.lock` ensures that only one process uses the file at a time. `PATH.new`
    /// exists briefly during a save; it replaces the file once it is complete and synced.
    pub fn in_file(path: impl Into<PathBuf>) -> Self {
        Self::in_store(MetricsFile::new(path))
    }

    /// Saves the numbers in `store`.
    pub fn in_store(store: impl MetricsStore) -> Self {
        Self { store: Box::new(store), interval: INTERVAL, exports_restored: false }
    }

    /// Sets how often the numbers are saved, and so how much a crash can lose. Default: 10 seconds.
    ///
    /// A save takes as long as writing and syncing a small file. All caches of the process share one thread for it.
    #[must_use]
    pub fn every(mut self, interval: Duration) -> Self {
        self.interval = interval;
        self
    }

    /// Exports the restored counts of earlier processes as the metric `cachescope.requests.restored`. Default:
    /// telemetry exports only the counts of this process.
    #[must_use]
    pub fn export_restored(mut self) -> Self {
        self.exports_restored = true;
        self
    }

    pub(crate) fn check(&self) -> Result<(), ConfigError> {
        if self.interval.is_zero() {
            return Err(ConfigError::new(
                "the interval of persist_metrics must be greater than zero, got 0 s: the default is 10 s",
            ));
        }
        self.store.check()
    }

    pub(crate) fn exports_restored(&self) -> bool {
        self.exports_restored
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

/// A place in which one cache saves its numbers. Implemented for files ([`MetricsFile`]); implement it for a database
/// row or an object in a bucket.
///
/// Saved bytes are checked by version, length and checksum when they are read. An error is logged once, and the
/// operation is retried at each interval.
///
/// The methods are called on the thread that builds the cache, and later on the thread that saves for all caches. They
/// may block.
pub trait MetricsStore: fmt::Debug + Send + 'static {
    /// Checks the configuration when the cache is built.
    ///
    /// # Errors
    ///
    /// Returns an error that says what to change.
    fn check(&self) -> Result<(), ConfigError> {
        Ok(())
    }

    /// Takes the store for this cache alone, until the store is dropped. Returns the saved bytes, or `None` if nothing
    /// was ever saved. Called again until it succeeds.
    ///
    /// # Errors
    ///
    /// Returns an error if the bytes can't be read, or if another cache uses the store: two caches in one store would
    /// overwrite each other's numbers.
    fn open(&mut self) -> io::Result<Option<Vec<u8>>>;

    /// Replaces the saved bytes. The replacement must be atomic, even if the process ends at any time.
    ///
    /// # Errors
    ///
    /// Returns an error if the bytes can't be written. The bytes saved before must then still be there.
    fn save(&mut self, bytes: &[u8]) -> io::Result<()>;

    /// Moves unusable bytes aside, so that they aren't overwritten. Returns their new place.
    ///
    /// # Errors
    ///
    /// Returns an error if that fails. Then the bytes stay where they are, and nothing is saved.
    fn set_aside(&mut self) -> io::Result<String>;
}
