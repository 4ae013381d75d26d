//! The truth about loads: how long each of them took, measured where they are made and by nobody's histogram.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

/// Microseconds, by cache. Clones share it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Loads(Arc<Mutex<BTreeMap<String, Vec<u64>>>>);

impl Loads {
    /// Awaits a load of `cache`, and notes how long it took.
    pub(crate) async fn timed<T>(&self, cache: &str, load: impl Future<Output = T>) -> T {
        let begun = Instant::now();
        let outcome = load.await;
        let took = u64::try_from(begun.elapsed().as_micros()).unwrap_or(u64::MAX);
        let mut loads = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        loads.entry(cache.to_owned()).or_default().push(took);
        outcome
    }

    /// All so far.
    pub(crate) fn so_far(&self) -> BTreeMap<String, Vec<u64>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
