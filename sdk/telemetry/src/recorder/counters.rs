//! Counters that any thread increments. A reading never contains the end of a request without its start.

use std::sync::atomic::Ordering;

use cachescope_core::RequestOutcome;

use super::counter_id::CounterId;
use super::shim::AtomicU64;

#[cfg(all(test, loom))]
mod model;

/// The counters of one cache, except quiet hits and evictions, which are counted elsewhere.
#[derive(Debug)]
pub(super) struct Counters {
    started: AtomicU64,
    numbers: [AtomicU64; CounterId::COUNT],
}

/// The counters at one moment.
pub(super) struct CounterSnapshot {
    pub(super) numbers: [u64; CounterId::COUNT],
    /// The requests that had started, read after those that had ended. Never less than `ended`.
    pub(super) started: u64,
    pub(super) ended: u64,
}

impl Counters {
    pub(super) fn new() -> Self {
        Self { started: AtomicU64::new(0), numbers: std::array::from_fn(|_| AtomicU64::new(0)) }
    }

    pub(super) fn count(&self, number: CounterId) {
        self.numbers[number.index()].fetch_add(1, Ordering::Relaxed);
    }

    /// Returns the value of a counter.
    pub(super) fn get(&self, number: CounterId) -> u64 {
        self.numbers[number.index()].load(Ordering::Relaxed)
    }

    /// Counts an outcome before the operation stops being active. A reader that sees that the operation stopped also
    /// sees its outcome.
    pub(super) fn count_end(&self, number: CounterId) {
        self.numbers[number.index()].fetch_add(1, Ordering::Release);
    }

    pub(super) fn request_started(&self) {
        self.started.fetch_add(1, Ordering::Relaxed);
    }

    /// Returns the number of requests that have started.
    pub(super) fn started(&self) -> u64 {
        self.started.load(Ordering::Relaxed)
    }

    /// A reader that sees the end also sees the start.
    pub(super) fn request_ended(&self, outcome: RequestOutcome) {
        self.count_end(CounterId::Ended(outcome));
    }

    /// Reads the ends before the starts.
    pub(super) fn read(&self) -> CounterSnapshot {
        let numbers: [u64; CounterId::COUNT] = std::array::from_fn(|index| self.numbers[index].load(Ordering::Acquire));
        let ended = RequestOutcome::all(true).map(|outcome| numbers[CounterId::Ended(outcome).index()]).sum();
        CounterSnapshot { numbers, started: self.started.load(Ordering::Acquire), ended }
    }
}
