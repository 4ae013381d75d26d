//! The time of encoding and decoding, compared with the time of the store's operations.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use cachescope_core::{Clock, nanos};

/// The times since the cache was built.
#[derive(Debug, Default)]
pub(crate) struct CodingTime {
    coding: AtomicU64,
    storing: AtomicU64,
}

impl CodingTime {
    /// Runs `code`, which encodes or decodes, and records its time.
    pub(crate) fn timed<T>(&self, clock: &Clock, code: impl FnOnce() -> T) -> T {
        let start = clock.now();
        let coded = code();
        self.coding.fetch_add(nanos(clock.now().since(start)), Ordering::Relaxed);
        coded
    }

    /// Records the time of a read or write of the store.
    pub(crate) fn stored(&self, took: Duration) {
        self.storing.fetch_add(nanos(took), Ordering::Relaxed);
    }

    /// Returns the time of coding divided by the time of the store; `None` before the first operation.
    pub(crate) fn ratio_to_store(&self) -> Option<f64> {
        let [coding, storing] = [&self.coding, &self.storing].map(|nanos| nanos.load(Ordering::Relaxed) as f64);
        (storing > 0.0).then(|| coding / storing)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ratio_to_store_follows_both_times() {
        let (clock, hands) = Clock::manual();
        let coding = CodingTime::default();
        assert_eq!(coding.timed(&clock, || hands.advance(Duration::from_millis(3))), ());
        assert_eq!(coding.ratio_to_store(), None);
        coding.stored(Duration::from_millis(4));
        coding.timed(&clock, || hands.advance(Duration::from_millis(3)));
        assert_eq!(coding.ratio_to_store(), Some(1.5));
    }
}
