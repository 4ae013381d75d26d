//! Who keeps one cache's numbers, and says what hinders it.

use std::io;
use std::time::{Duration, SystemTime};

use super::format;
use super::{MetricsStore, Persistence};
use crate::metrics::history::Past;

/// The place that a cache's numbers are kept in, and whether it has it yet.
#[derive(Debug)]
pub(crate) struct Keeper {
    cache: String,
    store: Box<dyn MetricsStore>,
    is_open: bool,
    /// What was said last, so that it isn't said at each interval.
    said: Option<String>,
}

impl Keeper {
    pub(crate) fn new(cache: &str, persistence: Persistence) -> Self {
        Self { cache: cache.to_owned(), store: persistence.store, is_open: false, said: None }
    }

    /// Takes the place if it hasn't yet, and says what an earlier process kept there, and how long ago. What can't be
    /// used is set aside.
    pub(crate) fn open(&mut self, now: SystemTime) -> io::Result<Option<(Past, Duration)>> {
        if self.is_open {
            return Ok(None);
        }
        let Some(bytes) = self.store.open()? else {
            self.is_open = true;
            return Ok(None);
        };
        match format::read(&self.cache, &bytes, now) {
            Ok(past) => {
                self.is_open = true;
                Ok(Some(past))
            }
            Err(unusable) => {
                let aside = self.store.set_aside()?;
                self.is_open = true;
                let cache = &self.cache;
                tracing::warn!(
                    cache,
                    "the metrics kept by an earlier process can't be used: {unusable}; set aside as {aside}"
                );
                Ok(None)
            }
        }
    }

    pub(crate) fn save(&mut self, past: &Past, now: SystemTime) -> io::Result<()> {
        self.store.save(&format::write(&self.cache, past, now))
    }

    /// Says once what hinders it, until something else does or nothing.
    pub(crate) fn tell(&mut self, kept: io::Result<()>) {
        let error = kept.err().map(|error| error.to_string());
        if let Some(error) = error.as_ref().filter(|_| error != self.said) {
            tracing::warn!(
                cache = self.cache,
                error,
                "a cache's metrics aren't kept for the next process; it is tried again"
            );
        }
        self.said = error;
    }
}
