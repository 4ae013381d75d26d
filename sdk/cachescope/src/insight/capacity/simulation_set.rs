//! Scaled-down simulations of a store at several capacities, fed with a sample of the requests.

use std::time::Duration;

use cachescope_core::{EvictionReason, Timestamp};
use cachescope_telemetry::CAPACITY_MULTIPLES;

use crate::insight::capacity::capacity_model::{CapacityLimit, MemoryHits, SimulatedCache};
use crate::insight::capacity::hit_rate_curve::{HitRateCurve, HitRatePoint};
use crate::insight::capacity::last_loads::LastLoads;
use crate::insight::capacity::lru::Lru;
use crate::insight::capacity::scaled_simulation::ScaledSimulation;
use crate::insight::decay::Decay;
use crate::insight::sampling::key_event::{KeyEvent, SampledEvent};

/// The entries of the simulation at the present capacity, and the most of any simulation. A larger capacity gets a
/// smaller sample of the keys.
///
/// With these numbers all data of insight stays within 256 KiB per cache. A third more entries would reduce errors by a
/// tenth.
const SIMULATED_ENTRIES: [u64; 2] = [192, 512];

/// The same numbers if entries are weighed, because these take more memory.
const SIMULATED_WEIGHED_ENTRIES: [u64; 2] = [144, 384];

/// The number of samples below which nothing is reported.
const MIN_SAMPLES: f64 = 256.0;

/// The difference of the miss rates at half and at twice the capacity from which the present capacity is on a cliff.
/// There, a sample with a few keys more or less misses far more or far less than the cache, so it can't correct its
/// neighbours.
const CLIFF: f64 = 0.4;

/// The samples that a half-life must have: a cache with few requests forgets more slowly.
const MIN_SAMPLES_PER_HALF_LIFE: f64 = 10_000.0;

/// The index of the present capacity among the multiples.
const PRESENT: usize = 2;

/// The simulations of one cache, one per capacity.
pub(crate) struct SimulationSet {
    own_policy: bool,
    /// Every request to one of these also goes through the simulation at the present capacity.
    simulations: Vec<ScaledSimulation>,
    loads: Option<LastLoads>,
    /// The largest usage that was observed.
    most_held: u64,
    /// The requests to the cache while the simulations ran, until `since`. Older ones count half.
    memory_hits: MemoryHits,
    since: MemoryHits,
    decay: Decay,
}

impl SimulationSet {
    /// Creates the simulations of a store whose entries have the mean weight `mean`.
    pub(crate) fn new(
        limit: CapacityLimit,
        ttl: Option<Duration>,
        mean: u64,
        now: Timestamp,
        cache: &dyn SimulatedCache,
    ) -> Self {
        let entries = (limit.capacity / mean).max(1) as f64;
        let [own_entries, most_entries] = if limit.in_bytes { SIMULATED_WEIGHED_ENTRIES } else { SIMULATED_ENTRIES };
        let present_rate = (own_entries as f64 / entries).min(1.0);
        let mut own_policy = true;
        let simulations = CAPACITY_MULTIPLES.map(|multiple| {
            let rate = present_rate.min(most_entries as f64 / (entries * multiple));
            let capacity = ((limit.capacity as f64 * rate * multiple) as u64).max(1);
            let entries = usize::try_from(capacity / mean).unwrap_or(usize::MAX).max(1);
            let simulator = cache.simulator(capacity, entries).unwrap_or_else(|| {
                own_policy = false;
                Box::new(Lru::new(capacity, entries))
            });
            ScaledSimulation::new(simulator, threshold(rate))
        });
        Self {
            own_policy,
            simulations: simulations.into(),
            loads: ttl.map(|ttl| LastLoads::new(ttl, now)),
            most_held: 0,
            memory_hits: MemoryHits::default(),
            since: cache.memory_hits(),
            decay: Decay::starting_at(now),
        }
    }

    /// Hashes below the threshold are sampled.
    pub(crate) fn threshold(&self) -> u64 {
        self.simulations[PRESENT].threshold
    }

    /// Empties all simulations.
    pub(crate) fn clear(&mut self) {
        self.simulations.iter_mut().for_each(ScaledSimulation::clear);
    }

    pub(crate) fn record(&mut self, sample: &SampledEvent, cache: &dyn SimulatedCache) {
        if !self.simulations[PRESENT].samples(sample.hash) {
            return;
        }
        // Sampled hashes have similar high bits, so the bits are mixed.
        let key = (sample.hash.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32) as u32;
        match sample.event {
            KeyEvent::Hit { weight, .. } => self.request(sample.hash, key, weight, false),
            // A larger store might still have the entry, but expired.
            KeyEvent::LoadedAbsent { weight } => {
                let is_expired = self.loads.as_mut().is_some_and(|loads| loads.is_expired(key, sample.at));
                self.request(sample.hash, key, weight, is_expired);
            }
            // The entry would have expired at any capacity.
            KeyEvent::LoadedExpired { weight } => self.request(sample.hash, key, weight, true),
            KeyEvent::Refreshed { .. } | KeyEvent::Evicted(EvictionReason::Size) => {}
            KeyEvent::Evicted(_) => self.simulations.iter_mut().for_each(|one| one.remove(key)),
        }
        let is_load = !matches!(sample.event, KeyEvent::Hit { .. } | KeyEvent::Evicted(_));
        if let Some(loads) = self.loads.as_mut().filter(|_| is_load) {
            loads.record_load(key, sample.at);
        }
        if self.decay.half_lives(sample.at) > 0 && self.simulations[PRESENT].requests >= MIN_SAMPLES_PER_HALF_LIFE {
            self.halve(sample.at, cache);
        }
    }

    fn request(&mut self, hash: u64, key: u32, weight: u32, is_expired: bool) {
        let missed_at_present = self.simulations[PRESENT].request(key, weight, is_expired);
        for (nth, one) in self.simulations.iter_mut().enumerate().filter(|(_, one)| one.samples(hash)) {
            if nth != PRESENT {
                one.request(key, weight, is_expired);
            }
            one.record_at_present(missed_at_present);
        }
    }

    fn halve(&mut self, now: Timestamp, cache: &dyn SimulatedCache) {
        let so_far = self.memory_hits(cache);
        self.memory_hits = MemoryHits { hits: so_far.hits / 2.0, requests: so_far.requests / 2.0 };
        self.since = cache.memory_hits();
        self.simulations.iter_mut().for_each(ScaledSimulation::halve);
        self.decay.restart(now);
    }

    /// Returns the requests to the cache while the simulations ran.
    fn memory_hits(&self, cache: &dyn SimulatedCache) -> MemoryHits {
        let now = cache.memory_hits();
        MemoryHits {
            hits: self.memory_hits.hits + (now.hits - self.since.hits).max(0.0),
            requests: self.memory_hits.requests + (now.requests - self.since.requests).max(0.0),
        }
    }

    pub(crate) fn curve(&mut self, limit: CapacityLimit, cache: &dyn SimulatedCache) -> Option<HitRateCurve> {
        let memory_hits = self.memory_hits(cache);
        let held = cache.usage_without_evictions(limit.in_bytes);
        self.most_held = self.most_held.max(held.unwrap_or(0));
        // A cache that never evicts doesn't evict at a larger capacity either, nor at a smaller one that still
        // suffices.
        let is_enough = |capacity: u64| held.is_some() && self.most_held <= capacity;
        let capacities = CAPACITY_MULTIPLES.map(|multiple| ((limit.capacity as f64 * multiple) as u64).max(1));
        let present = &self.simulations[PRESENT];
        let seen = if is_enough(capacities[0]) { memory_hits.requests } else { present.requests };
        if seen < MIN_SAMPLES || memory_hits.requests <= 0.0 {
            return None;
        }
        let missed = 1.0 - memory_hits.hits / memory_hits.requests;
        let is_on_cliff = self.simulations[PRESENT - 1].miss_rate() - self.simulations[PRESENT + 1].miss_rate() > CLIFF;
        let is_filling = !present.has_been_full();
        let points =
            CAPACITY_MULTIPLES.into_iter().zip(capacities).zip(&self.simulations).map(|((multiple, capacity), one)| {
                if is_enough(capacity) {
                    return HitRatePoint { multiple, capacity, hit_rate: 1.0 - missed, settled: true, margin: 0.0 };
                }
                let uses_own_rate = is_on_cliff && multiple != 1.0;
                let expected_miss_rate = if uses_own_rate { one.miss_rate() } else { one.expected_miss_rate(missed) };
                HitRatePoint {
                    multiple,
                    capacity,
                    hit_rate: (1.0 - expected_miss_rate).clamp(0.0, 1.0),
                    settled: one.requests >= MIN_SAMPLES && (is_filling || one.is_settled()),
                    margin: one.margin(),
                }
            });
        Some(HitRateCurve {
            capacity: limit.capacity,
            in_bytes: limit.in_bytes,
            hit_rate: 1.0 - missed,
            points: points.collect(),
            own_policy: self.own_policy,
            samples: present.requests as u64,
            sampling_rate: present.threshold as f64 / u64::MAX as f64,
        })
    }
}

/// Returns the threshold below which this share of all hashes lies.
fn threshold(rate: f64) -> u64 {
    (rate * u64::MAX as f64) as u64
}
