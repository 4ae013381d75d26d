//! The hit rates of one cache at other capacities.

use std::time::Duration;

use cachescope_core::Simulator;

use crate::insight::capacity::hit_rate_curve::HitRateCurve;
use crate::insight::capacity::simulation_set::SimulationSet;
use crate::insight::sampling::key_event::SampledEvent;

/// The number of samples that are weighed before simulations start, to learn how many entries fit into a capacity in
/// bytes.
const WEIGHED_SAMPLES: u64 = 64;

/// The cache that a capacity model simulates.
pub(crate) trait SimulatedCache {
    /// Returns a simulator of the store's policy at another capacity, which about `entries` entries fill. `None`: the
    /// store has no simulator.
    fn simulator(&self, capacity: u64, entries: usize) -> Option<Box<dyn Simulator>>;

    /// Returns the requests so far that memory could have answered, and those that it did answer.
    fn memory_hits(&self) -> MemoryHits;

    /// Returns the usage, in bytes or entries. `None` if the store has ever evicted an entry for capacity.
    fn usage_without_evictions(&self, in_bytes: bool) -> Option<u64>;
}

/// The requests that memory answered, of all that it could have answered.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct MemoryHits {
    pub(crate) hits: f64,
    pub(crate) requests: f64,
}

/// The capacity limit of a store.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CapacityLimit {
    pub(crate) capacity: u64,
    pub(crate) in_bytes: bool,
}

/// The capacity model of one cache: measures the weight of entries, then runs simulations.
pub(crate) struct CapacityModel {
    limit: CapacityLimit,
    /// The time after which all entries expire, if it is the same for all.
    ttl: Option<Duration>,
    state: State,
}

enum State {
    /// The first samples are weighed: `entries` of them have the total weight `weight`.
    Weighing {
        entries: u64,
        weight: u64,
    },
    Running(Box<SimulationSet>),
}

impl CapacityModel {
    pub(crate) fn new(limit: CapacityLimit, ttl: Option<Duration>) -> Self {
        Self { limit, ttl, state: State::Weighing { entries: 0, weight: 0 } }
    }

    /// Hashes below the threshold are sampled.
    pub(crate) fn threshold(&self) -> u64 {
        match &self.state {
            State::Weighing { .. } => u64::MAX,
            State::Running(simulations) => simulations.threshold(),
        }
    }

    pub(crate) fn record(&mut self, sample: &SampledEvent, cache: &dyn SimulatedCache) {
        if let State::Weighing { entries, weight } = &mut self.state {
            if let Some(one) = sample.event.weight() {
                *entries += 1;
                *weight += u64::from(one);
            }
            if self.limit.in_bytes && *entries < WEIGHED_SAMPLES {
                return;
            }
            let mean = if self.limit.in_bytes { (*weight / (*entries).max(1)).max(1) } else { 1 };
            self.state = State::Running(Box::new(SimulationSet::new(self.limit, self.ttl, mean, sample.at, cache)));
        }
        if let State::Running(simulations) = &mut self.state {
            simulations.record(sample, cache);
        }
    }

    /// Empties all simulations: the user removed every entry.
    pub(crate) fn clear(&mut self) {
        if let State::Running(simulations) = &mut self.state {
            simulations.clear();
        }
    }

    /// Returns the hit-rate curve. `None` before there are enough samples.
    pub(crate) fn curve(&mut self, cache: &dyn SimulatedCache) -> Option<HitRateCurve> {
        let State::Running(simulations) = &mut self.state else { return None };
        simulations.curve(self.limit, cache)
    }
}
