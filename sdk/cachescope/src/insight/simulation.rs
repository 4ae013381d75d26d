//! Miniatures of a store at several capacities, through which a sample of the requests goes.

use std::time::Duration;

use cachescope_core::{CAPACITY_MULTIPLES, EvictionReason, Moment, Simulator};

use super::curve::{Curve, CurvePoint};
use super::last_loads::LastLoads;
use super::lru::Lru;
use super::sample::{Sample, Seen};

/// Entries of the miniature of the present capacity: so many that all that insight keeps of a cache stays within a
/// quarter of a mebibyte. With twice as many, errors are two thirds as large.
const ENTRIES: u64 = 128;

/// Weights that are looked at before it is known how many entries a capacity of bytes is.
const WEIGHED: u64 = 64;

/// Fewer tell nothing.
const FEWEST_SAMPLES: f64 = 256.0;

/// With fewer misses at the present capacity what others have more or less of is added, and not multiplied.
const FEW_MISSES: f64 = 16.0;

/// Where half the capacity misses so much more of all requests than twice of it, the present one is on a cliff: there a
/// sample with a few keys more or less misses much more or less than the cache, and says nothing of its neighbours.
const CLIFF: f64 = 0.4;

/// What hits so much hasn't much yet to see.
const SEEN_MOST: f64 = 0.9;

/// What is older counts half.
const HALF_LIFE: Duration = Duration::from_secs(3_600);

/// As many samples must have come in that time: a cache that is rarely asked forgets more slowly.
const HALF_LIFE_SAMPLES: f64 = 10_000.0;

/// The present capacity's place among the multiples.
const PRESENT: usize = 2;

/// What a store says of itself and of what was asked of it.
pub(crate) trait Ground {
    /// Its policy at another capacity, which about `entries` entries fill.
    fn simulator(&self, capacity: u64, entries: usize) -> Option<Box<dyn Simulator>>;

    /// Requests so far that memory answered, and all that it could have.
    fn answered(&self) -> Answered;
}

/// Requests that memory answered, of all it could have.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Answered {
    pub(crate) by_memory: f64,
    pub(crate) all: f64,
}

/// How large a store may get.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limit {
    pub(crate) capacity: u64,
    pub(crate) in_bytes: bool,
}

/// The miniatures of one cache.
pub(super) struct Simulation {
    limit: Limit,
    /// How long entries answer, where they don't for ever and all alike.
    life: Option<Duration>,
    state: State,
}

enum State {
    /// So many entries weighed so much together.
    Weighing {
        entries: u64,
        weight: u64,
    },
    Running(Box<Miniatures>),
}

struct Miniatures {
    /// Keys with a hash below it go through.
    threshold: u64,
    own_policy: bool,
    of: Vec<Box<dyn Simulator>>,
    loads: Option<LastLoads>,
    misses: [f64; CAPACITY_MULTIPLES.len()],
    requests: f64,
    /// What the cache was asked while these ran, until `since`; what is older counts half.
    answered: Answered,
    since: Answered,
    halved_at: Moment,
}

impl Simulation {
    pub(super) fn new(limit: Limit, life: Option<Duration>) -> Self {
        Self { limit, life, state: State::Weighing { entries: 0, weight: 0 } }
    }

    /// Keys with a hash below it are of use.
    pub(super) fn threshold(&self) -> u64 {
        match &self.state {
            State::Weighing { .. } => u64::MAX,
            State::Running(miniatures) => miniatures.threshold,
        }
    }

    pub(super) fn see(&mut self, sample: &Sample, ground: &dyn Ground) {
        if let State::Weighing { entries, weight } = &mut self.state {
            if let Some(one) = sample.what.weight() {
                *entries += 1;
                *weight += u64::from(one);
            }
            if self.limit.in_bytes && *entries < WEIGHED {
                return;
            }
            let mean = if self.limit.in_bytes { (*weight / (*entries).max(1)).max(1) } else { 1 };
            self.state = State::Running(Box::new(Miniatures::of(self.limit, self.life, mean, sample.at, ground)));
        }
        if let State::Running(miniatures) = &mut self.state {
            miniatures.see(sample, ground);
        }
    }

    /// The user dropped every entry.
    pub(super) fn clear(&mut self) {
        if let State::Running(miniatures) = &mut self.state {
            miniatures.of.iter_mut().for_each(|one| one.clear());
        }
    }

    /// `None` before enough has been seen.
    pub(super) fn curve(&self, ground: &dyn Ground) -> Option<Curve> {
        let State::Running(miniatures) = &self.state else { return None };
        miniatures.curve(self.limit, ground)
    }
}

impl Miniatures {
    /// Of a store in which an entry weighs so much on average.
    fn of(limit: Limit, life: Option<Duration>, mean: u64, now: Moment, ground: &dyn Ground) -> Self {
        let entries = (limit.capacity / mean).max(1);
        let rate = (ENTRIES as f64 / entries as f64).min(1.0);
        let mut own_policy = true;
        let of = CAPACITY_MULTIPLES.map(|multiple| {
            let capacity = ((limit.capacity as f64 * rate * multiple) as u64).max(1);
            let entries = usize::try_from(capacity / mean).unwrap_or(usize::MAX).max(1);
            ground.simulator(capacity, entries).unwrap_or_else(|| {
                own_policy = false;
                Box::new(Lru::new(capacity))
            })
        });
        Self {
            threshold: if rate < 1.0 { (rate * u64::MAX as f64) as u64 } else { u64::MAX },
            own_policy,
            of: of.into_iter().collect(),
            loads: life.map(LastLoads::new),
            misses: Default::default(),
            requests: 0.0,
            answered: Answered::default(),
            since: ground.answered(),
            halved_at: now,
        }
    }

    fn see(&mut self, sample: &Sample, ground: &dyn Ground) {
        if sample.hash >= self.threshold {
            return;
        }
        // The high bits of sampled hashes are alike.
        let key = (sample.hash.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32) as u32;
        match sample.what {
            Seen::Hit { weight, .. } => self.request(key, weight, false),
            // With more room it might have been there, and past its time.
            Seen::LoadedAbsent { weight } => {
                let is_past = self.loads.as_mut().is_some_and(|loads| loads.is_past(key, sample.at));
                self.request(key, weight, is_past);
            }
            // At any capacity it would have been past its time.
            Seen::LoadedExpired { weight } => self.request(key, weight, true),
            Seen::Refreshed { .. } | Seen::Left(EvictionReason::Size) => {}
            Seen::Left(_) => self.of.iter_mut().for_each(|one| one.remove(key)),
        }
        let is_load = !matches!(sample.what, Seen::Hit { .. } | Seen::Left(_));
        if let Some(loads) = self.loads.as_mut().filter(|_| is_load) {
            loads.loaded(key, sample.at);
        }
        if sample.at.since(self.halved_at) >= HALF_LIFE && self.requests >= HALF_LIFE_SAMPLES {
            self.halve(sample.at, ground);
        }
    }

    fn request(&mut self, key: u32, weight: u32, is_past_its_time: bool) {
        self.requests += 1.0;
        for (one, misses) in self.of.iter_mut().zip(&mut self.misses) {
            if !one.access(key, weight) || is_past_its_time {
                *misses += 1.0;
            }
        }
    }

    fn halve(&mut self, now: Moment, ground: &dyn Ground) {
        let so_far = self.answered(ground);
        self.answered = Answered { by_memory: so_far.by_memory / 2.0, all: so_far.all / 2.0 };
        self.since = ground.answered();
        self.requests /= 2.0;
        self.misses = self.misses.map(|misses| misses / 2.0);
        self.halved_at = now;
    }

    /// What the cache was asked while these ran.
    fn answered(&self, ground: &dyn Ground) -> Answered {
        let now = ground.answered();
        Answered {
            by_memory: self.answered.by_memory + (now.by_memory - self.since.by_memory).max(0.0),
            all: self.answered.all + (now.all - self.since.all).max(0.0),
        }
    }

    fn curve(&self, limit: Limit, ground: &dyn Ground) -> Option<Curve> {
        let answered = self.answered(ground);
        if self.requests < FEWEST_SAMPLES || answered.all <= 0.0 {
            return None;
        }
        let missed = 1.0 - answered.by_memory / answered.all;
        let present = self.misses[PRESENT];
        let is_on_cliff = self.misses[PRESENT - 1] - self.misses[PRESENT + 1] > CLIFF * self.requests;
        let is_filling = !self.of[PRESENT].has_been_full();
        let points = CAPACITY_MULTIPLES.iter().zip(&self.of).zip(&self.misses);
        let points = points.map(|((multiple, one), misses)| {
            let would_miss = if *multiple == 1.0 {
                missed
            } else if is_on_cliff {
                misses / self.requests
            } else if present < FEW_MISSES {
                missed + (misses - present) / self.requests
            } else {
                missed * misses / present
            };
            let sees_most = 1.0 - misses / self.requests >= SEEN_MOST;
            CurvePoint {
                multiple: *multiple,
                capacity: ((limit.capacity as f64 * multiple) as u64).max(1),
                hit_rate: (1.0 - would_miss).clamp(0.0, 1.0),
                settled: is_filling || sees_most || one.has_been_full(),
                margin: margin(misses - present, self.requests),
            }
        });
        Some(Curve {
            capacity: limit.capacity,
            in_bytes: limit.in_bytes,
            hit_rate: 1.0 - missed,
            points: points.collect(),
            own_policy: self.own_policy,
            samples: self.requests as u64,
            sampling_rate: self.threshold as f64 / u64::MAX as f64,
        })
    }
}

/// Two standard deviations of a difference between two miniatures. The requests in which they differ come some at a time,
/// being of few keys: taken as four.
fn margin(differ: f64, requests: f64) -> f64 {
    2.0 * (4.0 * (differ.abs() + 1.0)).sqrt() / requests
}
