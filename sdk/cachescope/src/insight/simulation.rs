//! Miniatures of a store at several capacities, through which a sample of the requests goes.

use std::time::Duration;

use cachescope_core::{CAPACITY_MULTIPLES, EvictionReason, Moment, Simulator};

use super::HALF_LIFE;
use super::curve::{Curve, CurvePoint};
use super::last_loads::LastLoads;
use super::lru::Lru;
use super::miniature::Miniature;
use super::sample::{Sample, Seen};

/// Entries of the miniature of the present capacity, and the most of any: through a larger one fewer keys go. So many
/// that all that insight keeps of a cache stays within a quarter of a mebibyte; with a third more, errors are a tenth
/// smaller.
const ENTRIES: [u64; 2] = [192, 512];

/// The same where entries are weighed, and take more.
const WEIGHED_ENTRIES: [u64; 2] = [144, 384];

/// Weights that are looked at before it is known how many entries a capacity of bytes is.
const WEIGHED: u64 = 64;

/// Fewer tell nothing.
const FEWEST_SAMPLES: f64 = 256.0;

/// Where half the capacity misses so much more of all requests than twice of it, the present one is on a cliff: there a
/// sample with a few keys more or less misses much more or less than the cache, and says nothing of its neighbours.
const CLIFF: f64 = 0.4;

/// As many samples must have come in a half-life: a cache that is rarely asked forgets more slowly.
const HALF_LIFE_SAMPLES: f64 = 10_000.0;

/// The present capacity's place among the multiples.
const PRESENT: usize = 2;

/// What a store says of itself and of what was asked of it.
pub(crate) trait Ground {
    /// Its policy at another capacity, which about `entries` entries fill.
    fn simulator(&self, capacity: u64, entries: usize) -> Option<Box<dyn Simulator>>;

    /// Requests so far that memory answered, and all that it could have.
    fn answered(&self) -> Answered;

    /// What it holds, in bytes or entries; `None` if it has ever had no room for some of it.
    fn held_unpressed(&self, in_bytes: bool) -> Option<u64>;
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
    own_policy: bool,
    /// What goes through any of them goes through the one of the present capacity.
    of: Vec<Miniature>,
    loads: Option<LastLoads>,
    /// The most it was seen to hold.
    most_held: u64,
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
            State::Running(miniatures) => miniatures.of[PRESENT].threshold,
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
    pub(super) fn curve(&mut self, ground: &dyn Ground) -> Option<Curve> {
        let State::Running(miniatures) = &mut self.state else { return None };
        miniatures.curve(self.limit, ground)
    }
}

impl Miniatures {
    /// Of a store in which an entry weighs so much on average.
    fn of(limit: Limit, life: Option<Duration>, mean: u64, now: Moment, ground: &dyn Ground) -> Self {
        let entries = (limit.capacity / mean).max(1) as f64;
        let [own_entries, most_entries] = if limit.in_bytes { WEIGHED_ENTRIES } else { ENTRIES };
        let present_rate = (own_entries as f64 / entries).min(1.0);
        let mut own_policy = true;
        let of = CAPACITY_MULTIPLES.map(|multiple| {
            let rate = present_rate.min(most_entries as f64 / (entries * multiple));
            let capacity = ((limit.capacity as f64 * rate * multiple) as u64).max(1);
            let entries = usize::try_from(capacity / mean).unwrap_or(usize::MAX).max(1);
            let of = ground.simulator(capacity, entries).unwrap_or_else(|| {
                own_policy = false;
                Box::new(Lru::new(capacity, entries))
            });
            Miniature::new(of, threshold(rate))
        });
        Self {
            own_policy,
            of: of.into(),
            loads: life.map(|life| LastLoads::new(life, now)),
            most_held: 0,
            answered: Answered::default(),
            since: ground.answered(),
            halved_at: now,
        }
    }

    fn see(&mut self, sample: &Sample, ground: &dyn Ground) {
        if !self.of[PRESENT].takes(sample.hash) {
            return;
        }
        // The high bits of sampled hashes are alike.
        let key = (sample.hash.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32) as u32;
        match sample.what {
            Seen::Hit { weight, .. } => self.request(sample.hash, key, weight, false),
            // With more room it might have been there, and past its time.
            Seen::LoadedAbsent { weight } => {
                let is_past = self.loads.as_mut().is_some_and(|loads| loads.is_past(key, sample.at));
                self.request(sample.hash, key, weight, is_past);
            }
            // At any capacity it would have been past its time.
            Seen::LoadedExpired { weight } => self.request(sample.hash, key, weight, true),
            Seen::Refreshed { .. } | Seen::Left(EvictionReason::Size) => {}
            Seen::Left(_) => self.of.iter_mut().for_each(|one| one.remove(key)),
        }
        let is_load = !matches!(sample.what, Seen::Hit { .. } | Seen::Left(_));
        if let Some(loads) = self.loads.as_mut().filter(|_| is_load) {
            loads.loaded(key, sample.at);
        }
        if sample.at.since(self.halved_at) >= HALF_LIFE && self.of[PRESENT].requests >= HALF_LIFE_SAMPLES {
            self.halve(sample.at, ground);
        }
    }

    fn request(&mut self, hash: u64, key: u32, weight: u32, is_past_its_time: bool) {
        let missed_at_present = self.of[PRESENT].request(key, weight, is_past_its_time);
        for (nth, one) in self.of.iter_mut().enumerate().filter(|(_, one)| one.takes(hash)) {
            if nth != PRESENT {
                one.request(key, weight, is_past_its_time);
            }
            one.beside(missed_at_present);
        }
    }

    fn halve(&mut self, now: Moment, ground: &dyn Ground) {
        let so_far = self.answered(ground);
        self.answered = Answered { by_memory: so_far.by_memory / 2.0, all: so_far.all / 2.0 };
        self.since = ground.answered();
        self.of.iter_mut().for_each(Miniature::halve);
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

    fn curve(&mut self, limit: Limit, ground: &dyn Ground) -> Option<Curve> {
        let answered = self.answered(ground);
        let held = ground.held_unpressed(limit.in_bytes);
        self.most_held = self.most_held.max(held.unwrap_or(0));
        // Who needn't evict now needn't with more room, nor with less that still is enough.
        let is_enough = |capacity: u64| held.is_some() && self.most_held <= capacity;
        let capacities = CAPACITY_MULTIPLES.map(|multiple| ((limit.capacity as f64 * multiple) as u64).max(1));
        let present = &self.of[PRESENT];
        let seen = if is_enough(capacities[0]) { answered.all } else { present.requests };
        if seen < FEWEST_SAMPLES || answered.all <= 0.0 {
            return None;
        }
        let missed = 1.0 - answered.by_memory / answered.all;
        let is_on_cliff = self.of[PRESENT - 1].miss_rate() - self.of[PRESENT + 1].miss_rate() > CLIFF;
        let is_filling = !present.has_been_full();
        let points = CAPACITY_MULTIPLES.into_iter().zip(capacities).zip(&self.of).map(|((multiple, capacity), one)| {
            if is_enough(capacity) {
                return CurvePoint { multiple, capacity, hit_rate: 1.0 - missed, settled: true, margin: 0.0 };
            }
            let goes_alone = is_on_cliff && multiple != 1.0;
            let would_miss = if goes_alone { one.miss_rate() } else { one.would_miss(missed) };
            CurvePoint {
                multiple,
                capacity,
                hit_rate: (1.0 - would_miss).clamp(0.0, 1.0),
                settled: one.requests >= FEWEST_SAMPLES && (is_filling || one.is_settled()),
                margin: one.margin(),
            }
        });
        Some(Curve {
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

/// Below it is this share of all hashes.
fn threshold(rate: f64) -> u64 {
    (rate * u64::MAX as f64) as u64
}
