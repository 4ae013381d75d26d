//! Saves the numbers of one cache, and logs failures.

use std::io;
use std::time::{Duration, SystemTime};

use super::encoding;
use super::{MetricsStore, Persistence};
use crate::metrics::history::SavedHistory;

/// The store of one cache's saved numbers, and whether it is open.
#[derive(Debug)]
pub(crate) struct MetricsSaver {
    cache: String,
    store: Box<dyn MetricsStore>,
    is_open: bool,
    /// The last error that was logged. The same error isn't logged at each interval.
    last_error: Option<String>,
}

impl MetricsSaver {
    pub(crate) fn new(cache: &str, persistence: Persistence) -> Self {
        Self { cache: cache.to_owned(), store: persistence.store, is_open: false, last_error: None }
    }

    /// Opens the store if it isn't open. Returns what an earlier process saved, and how long ago. Unusable bytes are
    /// set aside.
    pub(crate) fn open(&mut self, now: SystemTime) -> io::Result<Option<(SavedHistory, Duration)>> {
        if self.is_open {
            return Ok(None);
        }
        let Some(bytes) = self.store.open()? else {
            self.is_open = true;
            return Ok(None);
        };
        match encoding::decode(&self.cache, &bytes, now) {
            Ok(saved) => {
                self.is_open = true;
                Ok(Some(saved))
            }
            Err(unreadable) => {
                let aside = self.store.set_aside()?;
                self.is_open = true;
                let cache = &self.cache;
                tracing::warn!(
                    cache,
                    "failed to restore saved metrics: {unreadable}; they are set aside as {aside}, \
                     and counts start at zero"
                );
                Ok(None)
            }
        }
    }

    pub(crate) fn save(&mut self, saved: &SavedHistory, now: SystemTime) -> io::Result<()> {
        self.store.save(&encoding::encode(&self.cache, saved, now))
    }

    /// Logs a failure, unless it is the same as the last one.
    pub(crate) fn log_outcome(&mut self, outcome: io::Result<()>) {
        let error = outcome.err().map(|error| error.to_string());
        if let Some(error) = error.as_ref().filter(|_| error != self.last_error) {
            tracing::warn!(
                cache = self.cache,
                error,
                "failed to save metrics: the next process can't continue them; saving is retried"
            );
        }
        self.last_error = error;
    }
}
