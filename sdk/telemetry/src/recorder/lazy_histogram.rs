//! A histogram that is allocated when the first value is recorded.

use std::sync::OnceLock;

use super::atomic_histogram::AtomicHistogram;
use super::distribution::Distribution;

/// Selects a number of a histogram.
pub(super) type Pick = fn(&AtomicHistogram) -> u64;

/// A histogram that allocates its 1.5 KB when the first value is recorded.
#[derive(Debug, Default)]
pub(super) struct LazyHistogram(OnceLock<Box<AtomicHistogram>>);

impl LazyHistogram {
    pub(super) fn record(&self, value: u64) {
        self.0.get_or_init(|| Box::new(AtomicHistogram::new())).record(value);
    }

    pub(super) fn snapshot(&self) -> Distribution {
        self.0.get().map(|histogram| histogram.snapshot()).unwrap_or_default()
    }

    pub(super) fn pick(&self, pick: Pick) -> u64 {
        self.0.get().map_or(0, |histogram| pick(histogram))
    }
}
