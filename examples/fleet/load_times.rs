//! The exact duration of each load, measured by the loaded functions without a histogram.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

/// Durations in microseconds, by cache. Clones share the data.
#[derive(Clone, Debug, Default)]
pub(crate) struct LoadTimes(Arc<Mutex<BTreeMap<String, Vec<u64>>>>);

impl LoadTimes {
    /// Awaits a load of `cache`, and records its duration.
    pub(crate) async fn timed<T>(&self, cache: &str, load: impl Future<Output = T>) -> T {
        let begun = Instant::now();
        let outcome = load.await;
        let took = u64::try_from(begun.elapsed().as_micros()).unwrap_or(u64::MAX);
        let mut loads = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        loads.entry(cache.to_owned()).or_default().push(took);
        outcome
    }

    /// Returns all durations so far.
    pub(crate) fn all(&self) -> BTreeMap<String, Vec<u64>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
