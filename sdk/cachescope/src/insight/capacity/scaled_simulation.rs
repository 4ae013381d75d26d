//! One scaled-down simulation of a store, and its hit rate.

use cachescope_core::Simulator;

/// With fewer misses at the present capacity, the difference to it is added instead of multiplied.
const FEW_MISSES: f64 = 16.0;

/// A simulation with at least this hit rate counts as settled.
const MOSTLY_HITS: f64 = 0.9;

/// A simulation of the store at one capacity, scaled down to a sample of the keys.
pub(crate) struct ScaledSimulation {
    simulator: Box<dyn Simulator>,
    /// Keys with a hash below the threshold are in the sample.
    pub(crate) threshold: u64,
    pub(crate) requests: f64,
    misses: f64,
    /// The misses of the simulation at the present capacity, of the same requests.
    present_misses: f64,
}

impl ScaledSimulation {
    pub(crate) fn new(simulator: Box<dyn Simulator>, threshold: u64) -> Self {
        Self { simulator, threshold, requests: 0.0, misses: 0.0, present_misses: 0.0 }
    }

    pub(crate) fn samples(&self, hash: u64) -> bool {
        hash < self.threshold
    }

    /// Simulates a request. Returns whether it misses; a request for an expired entry always does.
    pub(crate) fn request(&mut self, key: u32, weight: u32, is_expired: bool) -> bool {
        let misses = !self.simulator.access(key, weight) || is_expired;
        self.requests += 1.0;
        self.misses += f64::from(misses);
        misses
    }

    /// Records whether the simulation at the present capacity missed this request.
    pub(crate) fn record_at_present(&mut self, missed: bool) {
        self.present_misses += f64::from(missed);
    }

    pub(crate) fn remove(&mut self, key: u32) {
        self.simulator.remove(key);
    }

    pub(crate) fn clear(&mut self) {
        self.simulator.clear();
    }

    /// Halves all counts.
    pub(crate) fn halve(&mut self) {
        for count in [&mut self.requests, &mut self.misses, &mut self.present_misses] {
            *count /= 2.0;
        }
    }

    pub(crate) fn miss_rate(&self) -> f64 {
        self.misses / self.requests.max(1.0)
    }

    /// Returns the expected miss rate of the cache at this capacity, if it is `missed` at the present one.
    pub(crate) fn expected_miss_rate(&self, missed: f64) -> f64 {
        if self.present_misses < FEW_MISSES {
            missed + (self.misses - self.present_misses) / self.requests.max(1.0)
        } else {
            missed * self.misses / self.present_misses
        }
    }

    pub(crate) fn has_been_full(&self) -> bool {
        self.simulator.has_been_full()
    }

    /// Returns whether the simulation has been full, or is so large that it will hardly ever be.
    pub(crate) fn is_settled(&self) -> bool {
        self.has_been_full() || 1.0 - self.miss_rate() >= MOSTLY_HITS
    }

    /// Returns two standard deviations of the difference to the present capacity. The requests that differ come in
    /// groups, since few keys cause them; groups of four are assumed.
    pub(crate) fn margin(&self) -> f64 {
        let differ = (self.misses - self.present_misses).abs();
        2.0 * (4.0 * (differ + 1.0)).sqrt() / self.requests.max(1.0)
    }
}
