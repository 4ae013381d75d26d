//! The sample: decides which keys are in it.

use std::time::Duration;

use crate::insight::sampling::key_table::{KeyTable, MAX_KEYS, SampledKey};
use crate::insight::sampling::sampling_level::SamplingLevel;

/// A sample of keys with a bounded size: see
/// [`KeyStatistics`](crate::insight::sampling::key_statistics::KeyStatistics).
///
/// Times are in nanoseconds.
#[derive(Debug)]
pub(crate) struct KeySample {
    table: KeyTable,
    level: SamplingLevel,
    /// The time at which the threshold last rose, and the level before. Keys below that level weren't sampled before.
    raised_at: Option<(u64, SamplingLevel)>,
    /// The time of the last pause, in which events were missed.
    paused_at: Option<u64>,
    /// The time of the first event.
    began_at: Option<u64>,
    /// The latest time that was recorded.
    now: u64,
    /// The time of the last sweep over all keys.
    swept_at: u64,
    /// The unit of [`SampledKey::last`], as a power of two of nanoseconds.
    unit: u32,
    horizon: u64,
}

impl KeySample {
    /// Creates a sample that keeps keys for `horizon` after their last request. Times have an error of at most `unit`.
    /// The longest horizon is 2³⁰ units.
    pub(crate) fn new(unit: u64, horizon: u64) -> Self {
        // At most about a second, so that shifts don't overflow.
        let unit = unit.max(1).ilog2().min(30);
        let (table, level) = (KeyTable::new(), SamplingLevel::ALL);
        let horizon = horizon.min(1 << 30 << unit);
        Self { table, level, raised_at: None, paused_at: None, began_at: None, now: 0, swept_at: 0, unit, horizon }
    }

    /// Keys with a hash below the threshold are in the sample.
    pub(crate) fn threshold(&self) -> u64 {
        self.level.threshold()
    }

    /// Returns the number of keys that each sampled key represents.
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

    /// Returns an upper bound of the time of the key's last request, at most one unit too late. The key must be in the
    /// sample.
    pub(crate) fn last(&self, key: &SampledKey) -> u64 {
        let now = self.now >> self.unit;
        (now - u64::from((now as u32).wrapping_sub(key.last)) + 1) << self.unit
    }

    /// Records that the key at this index was requested now.
    pub(crate) fn touch(&mut self, at: usize) {
        let now = (self.now >> self.unit) as u32;
        self.key_mut(at).last = now;
    }

    /// Returns whether a key with this hash, if it isn't found, was certainly not requested within the horizon.
    pub(crate) fn has_complete_history(&self, hash: u64) -> bool {
        let since = |then: u64| self.now - then;
        self.paused_at.is_none_or(|at| since(at) > self.horizon)
            && self.raised_at.is_none_or(|(at, from)| since(at) > self.horizon || SamplingLevel::of(hash) >= from)
    }

    /// Returns for how long a key that isn't found would have been kept.
    pub(crate) fn observed_for(&self) -> u64 {
        self.began_at.map_or(0, |began_at| self.now - began_at).min(self.horizon)
    }

    /// Advances the time. Once per horizon, sweeps all keys, and raises the threshold if few are left.
    pub(crate) fn advance(&mut self, now: u64, on_drop: &mut dyn FnMut(&SampledKey, f64)) {
        self.began_at.get_or_insert(now);
        let passed = now.saturating_sub(self.now);
        self.now = self.now.max(now);
        if passed >= 1 << 31 << self.unit {
            // `last` has too few bits for such an interval.
            self.table.retain(|_| false);
        }
        if self.now - self.swept_at > self.horizon {
            self.sweep(on_drop);
            self.raise();
        }
    }

    /// Adds a key that isn't in the sample, after dropping others if it is full. `None` if the key itself is no longer
    /// in the sample.
    pub(crate) fn insert(&mut self, hash: u64, on_drop: &mut dyn FnMut(&SampledKey, f64)) -> Option<usize> {
        if self.table.is_full() {
            // A sweep visits all keys, so it must not come too often.
            if self.now - self.swept_at > self.horizon / 16 {
                self.sweep(on_drop);
            }
            while self.table.keys().len() > MAX_KEYS - MAX_KEYS / 16 {
                self.level = self.level.lower()?;
                let level = self.level;
                self.table.retain(|key| key.level() >= level);
            }
        }
        let at = (hash < self.threshold()).then(|| self.table.insert(hash)).flatten()?;
        self.touch(at);
        Some(at)
    }

    /// Records that events are missed from now on, and calls `each` for all keys.
    pub(crate) fn pause(&mut self, each: impl FnMut(&mut SampledKey)) {
        self.paused_at = Some(self.now);
        self.table.keys_mut().iter_mut().for_each(each);
    }

    /// Returns the estimated number of keys requested within `window` before `now`. `None` if the window is longer than
    /// the horizon.
    pub(crate) fn working_set(&self, window: Duration, now: u64) -> Option<u64> {
        let window = u64::try_from(window.as_nanos()).ok().filter(|window| *window <= self.horizon)?;
        let begin = now.max(self.now).saturating_sub(window);
        // Excludes the keys that are sampled only since the threshold rose.
        let level = self.raised_at.filter(|(at, _)| *at > begin).map_or(self.level, |(_, from)| from.max(self.level));
        let asked = |key: &&SampledKey| key.level() >= level && self.last(key) > begin;
        Some((self.keys().iter().filter(asked).count() as f64 * level.weight()).round() as u64)
    }

    /// Returns the size of the keys in bytes.
    #[cfg(test)]
    pub(crate) fn memory(&self) -> usize {
        self.table.memory()
    }

    /// Drops the keys without a request within the horizon.
    fn sweep(&mut self, on_drop: &mut dyn FnMut(&SampledKey, f64)) {
        self.swept_at = self.now;
        let (now, horizon) = ((self.now >> self.unit) as u32, self.horizon >> self.unit);
        let weight = self.weight();
        self.table.retain(|key| {
            let keep = u64::from(now.wrapping_sub(key.last)) <= horizon;
            if !keep {
                on_drop(key, weight);
            }
            keep
        });
    }

    /// Raises the threshold so that the table becomes about three quarters full, if it is less than half full.
    fn raise(&mut self) {
        let (from, mut keys) = (self.level, self.keys().len());
        while keys < MAX_KEYS * 3 / 8 && self.level > SamplingLevel::ALL {
            self.level = self.level.doubled();
            keys *= 2;
        }
        if self.level < from {
            self.raised_at = Some((self.now, from));
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
    fn sample_stays_bounded_and_weights_make_up_for_dropped_keys() {
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
    fn old_keys_are_dropped_before_the_threshold_falls_and_it_rises_again() {
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
        // The threshold rose at 202 or 203, more than a horizon ago.
        assert!((2_000_000..2_000_100).all(|key| sample.has_complete_history(hash(key))));
        sample.raised_at = Some((sample.now, from));
        assert!((2_000_000..2_000_100).all(|key| sample.has_complete_history(hash(key)) == known(key)));
        sample.pause(|_| ());
        assert!(!sample.has_complete_history(hash(2_000_000)));
    }

    #[test]
    fn last_request_is_known_until_it_is_too_long_ago() {
        let mut sample = sample();
        ask(&mut sample, 1, 0);
        let last = |sample: &KeySample| sample.last(&sample.keys()[0]);
        sample.advance(START + 99 * SECOND, &mut |_, _| ());
        assert!((1..=UNIT).contains(&(last(&sample) - START)));
        // Older events don't set the time back.
        sample.advance(START, &mut |_, _| ());
        assert!((1..=UNIT).contains(&(last(&sample) - START)));
        let mut on_drop = 0;
        sample.advance(START + 101 * SECOND, &mut |_, _| on_drop += 1);
        assert_eq!((on_drop, sample.keys().len()), (1, 0));
        ask(&mut sample, 1, 102);
        sample.advance(START + 102 * SECOND + (UNIT << 32), &mut |_, _| ());
        assert!(sample.keys().is_empty());
    }
}
