//! How long making bytes of values, and values of bytes, takes beside the store that they are for.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use cachescope_core::{Clock, nanos};

/// Times since the cache was built.
#[derive(Debug, Default)]
pub(crate) struct Coding {
    coding: AtomicU64,
    storing: AtomicU64,
}

impl Coding {
    /// Does `code`, which makes the one of the other, and notes how long that takes.
    pub(crate) fn timed<T>(&self, clock: &Clock, code: impl FnOnce() -> T) -> T {
        let start = clock.now();
        let coded = code();
        self.coding.fetch_add(nanos(clock.now().since(start)), Ordering::Relaxed);
        coded
    }

    /// The store got an entry, or gave one, and took so long.
    pub(crate) fn stored(&self, took: Duration) {
        self.storing.fetch_add(nanos(took), Ordering::Relaxed);
    }

    /// How many times as long as the store it takes; `None` before the store was asked.
    pub(crate) fn beside_the_store(&self) -> Option<f64> {
        let [coding, storing] = [&self.coding, &self.storing].map(|nanos| nanos.load(Ordering::Relaxed) as f64);
        (storing > 0.0).then(|| coding / storing)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_told_beside_the_store() {
        let (clock, hands) = Clock::manual();
        let coding = Coding::default();
        assert_eq!(coding.timed(&clock, || hands.advance(Duration::from_millis(3))), ());
        assert_eq!(coding.beside_the_store(), None);
        coding.stored(Duration::from_millis(4));
        coding.timed(&clock, || hands.advance(Duration::from_millis(3)));
        assert_eq!(coding.beside_the_store(), Some(1.5));
    }
}
