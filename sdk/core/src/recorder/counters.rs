//! Numbers that only grow, counted by any thread: what has ended is never seen without its beginning.

use std::sync::atomic::Ordering;

use super::number::Number;
use super::shim::AtomicU64;
use crate::outcome::Ending;

#[cfg(all(test, loom))]
mod model;

/// The counters of one cache, but for quiet hits and evictions, which are counted elsewhere.
#[derive(Debug)]
pub(super) struct Counters {
    started: AtomicU64,
    numbers: [AtomicU64; Number::COUNT],
}

/// What they were at one moment.
pub(super) struct Read {
    pub(super) numbers: [u64; Number::COUNT],
    /// Requests that had begun when those that had ended were read; never fewer.
    pub(super) started: u64,
    pub(super) ended: u64,
}

impl Counters {
    pub(super) fn new() -> Self {
        Self { started: AtomicU64::new(0), numbers: std::array::from_fn(|_| AtomicU64::new(0)) }
    }

    pub(super) fn count(&self, number: Number) {
        self.numbers[number.index()].fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn get(&self, number: Number) -> u64 {
        self.numbers[number.index()].load(Ordering::Acquire)
    }

    /// Counts what something came to, before it stops being counted as under way: whoever sees that it has stopped
    /// sees what it came to.
    pub(super) fn count_end(&self, number: Number) {
        self.numbers[number.index()].fetch_add(1, Ordering::Release);
    }

    pub(super) fn request_started(&self) {
        self.started.fetch_add(1, Ordering::Relaxed);
    }

    /// Whoever sees its end sees its beginning.
    pub(super) fn request_ended(&self, ending: Ending) {
        self.count_end(Number::Ended(ending));
    }

    /// Ends are read before starts.
    pub(super) fn read(&self) -> Read {
        let numbers: [u64; Number::COUNT] = std::array::from_fn(|index| self.numbers[index].load(Ordering::Acquire));
        let ended = Ending::all(true).map(|ending| numbers[Number::Ended(ending).index()]).sum();
        Read { numbers, started: self.started.load(Ordering::Acquire), ended }
    }
}
