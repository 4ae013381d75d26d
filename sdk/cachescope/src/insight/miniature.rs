//! One miniature of a store, and what it missed of the requests that went through it.

use cachescope_core::Simulator;

/// With fewer misses at the present capacity what others have more or less of is added, and not multiplied.
const FEW_MISSES: f64 = 16.0;

/// What hits so much hasn't much yet to see.
const SEEN_MOST: f64 = 0.9;

/// A store at some capacity, for a sample of its keys.
pub(super) struct Miniature {
    of: Box<dyn Simulator>,
    /// Keys with a hash below it go through.
    pub(super) threshold: u64,
    pub(super) requests: f64,
    misses: f64,
    /// What the miniature of the present capacity missed of the same requests.
    missed_at_present: f64,
}

impl Miniature {
    pub(super) fn new(of: Box<dyn Simulator>, threshold: u64) -> Self {
        Self { of, threshold, requests: 0.0, misses: 0.0, missed_at_present: 0.0 }
    }

    pub(super) fn takes(&self, hash: u64) -> bool {
        hash < self.threshold
    }

    /// Whether it misses the request, as it does any of an entry that is past its time.
    pub(super) fn request(&mut self, key: u32, weight: u32, is_past_its_time: bool) -> bool {
        let misses = !self.of.access(key, weight) || is_past_its_time;
        self.requests += 1.0;
        self.misses += f64::from(misses);
        misses
    }

    /// The one of the present capacity missed this request, or didn't.
    pub(super) fn beside(&mut self, missed_at_present: bool) {
        self.missed_at_present += f64::from(missed_at_present);
    }

    pub(super) fn remove(&mut self, key: u32) {
        self.of.remove(key);
    }

    pub(super) fn clear(&mut self) {
        self.of.clear();
    }

    /// What was seen so far counts half.
    pub(super) fn halve(&mut self) {
        for count in [&mut self.requests, &mut self.misses, &mut self.missed_at_present] {
            *count /= 2.0;
        }
    }

    pub(super) fn miss_rate(&self) -> f64 {
        self.misses / self.requests.max(1.0)
    }

    /// What share of its requests the cache would miss at this capacity, if it misses that share at the present one.
    pub(super) fn would_miss(&self, missed: f64) -> f64 {
        if self.missed_at_present < FEW_MISSES {
            missed + (self.misses - self.missed_at_present) / self.requests.max(1.0)
        } else {
            missed * self.misses / self.missed_at_present
        }
    }

    pub(super) fn has_been_full(&self) -> bool {
        self.of.has_been_full()
    }

    /// Whether it has been full, or is so large that it hardly will be.
    pub(super) fn is_settled(&self) -> bool {
        self.has_been_full() || 1.0 - self.miss_rate() >= SEEN_MOST
    }

    /// Two standard deviations of how it differs from the present one. The requests in which they differ come some at a
    /// time, being of few keys: taken as four.
    pub(super) fn margin(&self) -> f64 {
        let differ = (self.misses - self.missed_at_present).abs();
        2.0 * (4.0 * (differ + 1.0)).sqrt() / self.requests.max(1.0)
    }
}
