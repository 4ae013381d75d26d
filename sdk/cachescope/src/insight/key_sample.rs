//! Which of a cache's keys are in the sample.

use std::time::Duration;

use crate::insight::key_table::{KeyTable, MOST, SampledKey};
use crate::insight::sampling_level::SamplingLevel;

/// A sample of keys that stays within its bounds: see [`SampledKeys`](super::sampled_keys::SampledKeys).
///
/// Times are in nanoseconds.
#[derive(Debug)]
pub(crate) struct KeySample {
    table: KeyTable,
    level: SamplingLevel,
    /// When the threshold last rose, and from which level. Keys below that one weren't sampled before.
    raised: Option<(u64, SamplingLevel)>,
    /// When events were last missed.
    paused: Option<u64>,
    /// When events began to come.
    began: Option<u64>,
    /// The latest time seen.
    now: u64,
    /// When all keys were last looked at.
    swept: u64,
    /// What [`SampledKey::last`] counts: a nanosecond, so many times doubled.
    unit: u32,
    horizon: u64,
}

impl KeySample {
    /// Keeps keys for `horizon` after their last request, which is told with an error of at most `unit`: 2³⁰ of these
    /// are the longest horizon.
    pub(crate) fn new(unit: u64, horizon: u64) -> Self {
        // A second at most, so that what follows stays within bounds.
        let unit = unit.max(1).ilog2().min(30);
        let (table, level) = (KeyTable::new(), SamplingLevel::ALL);
        let horizon = horizon.min(1 << 30 << unit);
        Self { table, level, raised: None, paused: None, began: None, now: 0, swept: 0, unit, horizon }
    }

    /// Keys whose hash is below are in it.
    pub(crate) fn threshold(&self) -> u64 {
        self.level.threshold()
    }

    /// How many keys each of it stands for.
    pub(crate) fn weight(&self) -> f64 {
        self.level.weight()
    }

    pub(crate) fn now(&self) -> u64 {
        self.now
    }

    pub(crate) fn unit(&self) -> u64 {
        1 << self.unit
    }

    pub(crate) fn horizon(&self) -> u64 {
        self.horizon
    }

    pub(crate) fn keys(&self) -> &[SampledKey] {
        self.table.keys()
    }

    pub(crate) fn key_mut(&mut self, at: usize) -> &mut SampledKey {
        &mut self.table.keys_mut()[at]
    }

    pub(crate) fn find(&self, hash: u64) -> Option<usize> {
        self.table.find(hash)
    }

    /// A time by which the last request of this key, which is in the sample, had been: at most one unit later.
    pub(crate) fn last(&self, key: &SampledKey) -> u64 {
        let now = self.now >> self.unit;
        (now - u64::from((now as u32).wrapping_sub(key.last)) + 1) << self.unit
    }

    /// The key at this place was asked for now.
    pub(crate) fn touch(&mut self, at: usize) {
        let now = (self.now >> self.unit) as u32;
        self.key_mut(at).last = now;
    }

    /// Whether a key of this hash that isn't found surely wasn't asked for within the horizon.
    pub(crate) fn knows(&self, hash: u64) -> bool {
        let since = |then: u64| self.now - then;
        self.paused.is_none_or(|at| since(at) > self.horizon)
            && self.raised.is_none_or(|(at, from)| since(at) > self.horizon || SamplingLevel::of(hash) >= from)
    }

    /// For how long a key that isn't found would have been kept.
    pub(crate) fn watched(&self) -> u64 {
        self.began.map_or(0, |began| self.now - began).min(self.horizon)
    }

    /// Takes note of the time. Once per horizon all keys are looked at, and the threshold rises if few are left.
    pub(crate) fn advance(&mut self, now: u64, gone: &mut dyn FnMut(&SampledKey, f64)) {
        self.began.get_or_insert(now);
        let passed = now.saturating_sub(self.now);
        self.now = self.now.max(now);
        if passed >= 1 << 31 << self.unit {
            // `last` couldn't tell how long ago.
            self.table.retain(|_| false);
        }
        if self.now - self.swept > self.horizon {
            self.sweep(gone);
            self.raise();
        }
    }

    /// Adds a key that isn't in it, and makes room for it. `None` if that leaves the key itself out.
    pub(crate) fn insert(&mut self, hash: u64, gone: &mut dyn FnMut(&SampledKey, f64)) -> Option<usize> {
        if self.table.is_full() {
            // Looking at all keys is to be worth its while.
            if self.now - self.swept > self.horizon / 16 {
                self.sweep(gone);
            }
            while self.table.keys().len() > MOST - MOST / 16 {
                self.level = self.level.lower()?;
                let level = self.level;
                self.table.retain(|key| key.level() >= level);
            }
        }
        let at = (hash < self.threshold()).then(|| self.table.insert(hash)).flatten()?;
        self.touch(at);
        Some(at)
    }

    /// Events are missed from now on; all keys are to have this done to them.
    pub(crate) fn pause(&mut self, each: impl FnMut(&mut SampledKey)) {
        self.paused = Some(self.now);
        self.table.keys_mut().iter_mut().for_each(each);
    }

    /// About how many keys were asked for in the time before `now`. `None` if that is longer than the horizon.
    pub(crate) fn working_set(&self, window: Duration, now: u64) -> Option<u64> {
        let window = u64::try_from(window.as_nanos()).ok().filter(|window| *window <= self.horizon)?;
        let begin = now.max(self.now).saturating_sub(window);
        // Keys that are sampled since then only are left out.
        let level = self.raised.filter(|(at, _)| *at > begin).map_or(self.level, |(_, from)| from.max(self.level));
        let asked = |key: &&SampledKey| key.level() >= level && self.last(key) > begin;
        Some((self.keys().iter().filter(asked).count() as f64 * level.weight()).round() as u64)
    }

    /// Bytes that keys take.
    #[cfg(test)]
    pub(crate) fn memory(&self) -> usize {
        self.table.memory()
    }

    /// Drops the keys that nobody has asked for within the horizon.
    fn sweep(&mut self, gone: &mut dyn FnMut(&SampledKey, f64)) {
        self.swept = self.now;
        let (now, horizon) = ((self.now >> self.unit) as u32, self.horizon >> self.unit);
        let weight = self.weight();
        self.table.retain(|key| {
            let keep = u64::from(now.wrapping_sub(key.last)) <= horizon;
            if !keep {
                gone(key, weight);
            }
            keep
        });
    }

    /// To where the table would be three quarters full, if it is less than half full.
    fn raise(&mut self) {
        let (from, mut keys) = (self.level, self.keys().len());
        while keys < MOST * 3 / 8 && self.level > SamplingLevel::ALL {
            self.level = self.level.doubled();
            keys *= 2;
        }
        if self.level < from {
            self.raised = Some((self.now, from));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: u64 = 1_000_000_000;
    const UNIT: u64 = 1 << 20;
    const START: u64 = 315_360_000 * SECOND;

    fn sample() -> KeySample {
        KeySample::new(UNIT, 100 * SECOND)
    }

    fn hash(key: u64) -> u64 {
        let mixed = (key ^ (key >> 31)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        (mixed ^ (mixed >> 29)).wrapping_mul(0x94D0_49BB_1331_11EB)
    }

    fn ask(sample: &mut KeySample, key: u64, secs: u64) {
        let hash = hash(key);
        if hash < sample.threshold() {
            sample.advance(START + secs * SECOND, &mut |_, _| ());
            match sample.find(hash) {
                Some(at) => sample.touch(at),
                None => drop(sample.insert(hash, &mut |_, _| ())),
            }
        }
    }

    #[test]
    fn it_stays_within_its_bounds_and_counts_what_it_left_out() {
        let mut sample = sample();
        (0..4096).for_each(|key| ask(&mut sample, key, 0));
        assert_eq!(sample.working_set(Duration::ZERO, START), Some(4096));
        (0..1_000_000).for_each(|key| ask(&mut sample, key, 1));
        assert!((3300..=4096).contains(&sample.keys().len()), "{}", sample.keys().len());
        let keys = sample.working_set(Duration::from_secs(1), START + SECOND).unwrap();
        assert!(keys.abs_diff(1_000_000) < 50_000, "{keys}");
        assert_eq!(sample.working_set(Duration::from_secs(101), START + SECOND), None);
    }

    #[test]
    fn old_keys_go_before_the_threshold_falls_and_it_rises_when_few_are_left() {
        let mut sample = sample();
        (0..4096).for_each(|key| ask(&mut sample, key, 0));
        (5000..6000).for_each(|key| ask(&mut sample, key, 101));
        assert_eq!((sample.keys().len(), sample.threshold()), (1000, u64::MAX));
        (0..40_000).for_each(|key| ask(&mut sample, key, 102));
        assert!(sample.threshold() < u64::MAX / 8);
        let from = sample.level;
        for secs in 103..400 {
            (0..1000).for_each(|key| ask(&mut sample, key, secs));
        }
        assert_eq!((sample.keys().len(), sample.threshold()), (1000, u64::MAX));
        let known = |key| SamplingLevel::of(hash(key)) >= from;
        // It rose at 202 or 203, and has had its horizon.
        assert!((2_000_000..2_000_100).all(|key| sample.knows(hash(key))));
        sample.raised = Some((sample.now, from));
        assert!((2_000_000..2_000_100).all(|key| sample.knows(hash(key)) == known(key)));
        sample.pause(|_| ());
        assert!(!sample.knows(hash(2_000_000)));
    }

    #[test]
    fn a_last_request_is_told_from_its_last_bits_until_it_is_too_long_ago() {
        let mut sample = sample();
        ask(&mut sample, 1, 0);
        let last = |sample: &KeySample| sample.last(&sample.keys()[0]);
        sample.advance(START + 99 * SECOND, &mut |_, _| ());
        assert!((1..=UNIT).contains(&(last(&sample) - START)));
        // Older events don't turn time back.
        sample.advance(START, &mut |_, _| ());
        assert!((1..=UNIT).contains(&(last(&sample) - START)));
        let mut gone = 0;
        sample.advance(START + 101 * SECOND, &mut |_, _| gone += 1);
        assert_eq!((gone, sample.keys().len()), (1, 0));
        ask(&mut sample, 1, 102);
        sample.advance(START + 102 * SECOND + (UNIT << 32), &mut |_, _| ());
        assert!(sample.keys().is_empty());
    }
}
