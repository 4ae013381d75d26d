//! Numbers in buckets of bounded relative error, recorded without a lock: nanoseconds of durations, bytes of sizes.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

/// Each power of two is split into this many buckets (as a power of two itself).
const SUB_BITS: u32 = 3;
const SUBS: usize = 1 << SUB_BITS;
/// Numbers of 2^47 and more share the last bucket: durations of 39 hours, sizes of 128 TiB. Their maximum and sum
/// stay exact.
const MAX_EXPONENT: usize = 46;
const BUCKETS: usize = (MAX_EXPONENT - SUB_BITS as usize + 2) * SUBS;

/// A bucket that has got as far is emptied of so much.
const SPILL: u32 = 1 << 31;

/// A histogram of numbers from 0 to 2^47, 1.5 KB. Recording costs four relaxed additions.
///
/// A bucket is at most 1/8 of its lower edge wide, so a quantile, given as the middle of its bucket, is
/// within 6.25% of the exact one; below 8 it is exact.
#[derive(Debug)]
pub(super) struct Histogram {
    buckets: [AtomicU32; BUCKETS],
    /// What buckets were emptied of, by their index. Held while one is, and while they are read.
    spilled: Mutex<Vec<(usize, u64)>>,
    sum: AtomicU64,
    max: AtomicU64,
    /// The largest since the last turn.
    recent: AtomicU64,
}

impl Histogram {
    pub(super) fn new() -> Self {
        Self {
            buckets: [const { AtomicU32::new(0) }; BUCKETS],
            spilled: Mutex::new(Vec::new()),
            sum: AtomicU64::new(0),
            max: AtomicU64::new(0),
            recent: AtomicU64::new(0),
        }
    }

    pub(super) fn record(&self, value: u64) {
        self.sum.fetch_add(value, Ordering::Relaxed);
        self.max.fetch_max(value, Ordering::Relaxed);
        self.recent.fetch_max(value, Ordering::Relaxed);
        let bucket = bucket_of(value);
        if self.buckets[bucket].fetch_add(1, Ordering::Relaxed) == SPILL - 1 {
            self.spill(bucket);
        }
    }

    /// Long before the bucket can overflow; by the one thread that made it so full.
    #[cold]
    fn spill(&self, bucket: usize) {
        let mut spilled = self.spilled.lock().unwrap_or_else(PoisonError::into_inner);
        self.buckets[bucket].fetch_sub(SPILL, Ordering::Relaxed);
        spilled.push((bucket, SPILL.into()));
        // One a bucket.
        spilled.sort_unstable();
        spilled.dedup_by(|later, first| {
            let same = later.0 == first.0;
            first.1 += if same { later.1 } else { 0 };
            same
        });
    }

    /// The largest since the last turn.
    pub(super) fn recent_max(&self) -> u64 {
        self.recent.load(Ordering::Relaxed)
    }

    /// How many were recorded. A walk over all buckets.
    pub(super) fn count(&self) -> u64 {
        let spilled = self.spilled.lock().unwrap_or_else(PoisonError::into_inner);
        let held = self.buckets.iter().map(|bucket| u64::from(bucket.load(Ordering::Relaxed)));
        held.chain(spilled.iter().map(|(_, held)| *held)).sum()
    }

    /// Of all that was recorded.
    pub(super) fn sum(&self) -> u64 {
        self.sum.load(Ordering::Relaxed)
    }

    /// The largest since the last turn, which this is the next of.
    pub(super) fn turn(&self) -> u64 {
        self.recent.swap(0, Ordering::Relaxed)
    }

    pub(super) fn snapshot(&self) -> Distribution {
        let spilled = self.spilled.lock().unwrap_or_else(PoisonError::into_inner);
        let mut buckets: Box<[u64]> = self.buckets.iter().map(|bucket| bucket.load(Ordering::Relaxed).into()).collect();
        spilled.iter().for_each(|(bucket, held)| buckets[*bucket] += held);
        Distribution { buckets, sum: self.sum.load(Ordering::Relaxed), max: self.max.load(Ordering::Relaxed) }
    }
}

fn bucket_of(value: u64) -> usize {
    if value < SUBS as u64 {
        return value as usize;
    }
    let exponent = value.ilog2();
    let sub = (value >> (exponent - SUB_BITS)) as usize & (SUBS - 1);
    let bucket = (exponent - SUB_BITS + 1) as usize * SUBS + sub;
    bucket.min(BUCKETS - 1)
}

/// The lowest number of a bucket.
fn lower_edge(bucket: usize) -> u64 {
    if bucket < SUBS {
        return bucket as u64;
    }
    let exponent = bucket / SUBS - 1;
    ((SUBS + bucket % SUBS) as u64) << exponent
}

/// What a histogram held at one moment, without its unit: [`Durations`](super::Durations) and
/// [`Sizes`](super::Sizes) give it one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Distribution {
    /// None where nothing was recorded.
    buckets: Box<[u64]>,
    sum: u64,
    max: u64,
}

impl Distribution {
    pub(super) fn count(&self) -> u64 {
        self.buckets.iter().fold(0, |count, held| count.saturating_add(*held))
    }

    pub(super) const fn sum(&self) -> u64 {
        self.sum
    }

    pub(super) fn mean(&self) -> u64 {
        self.sum.checked_div(self.count()).unwrap_or(0)
    }

    pub(super) const fn max(&self) -> u64 {
        self.max
    }

    pub(super) fn quantile(&self, q: f64) -> Option<u64> {
        self.quantile_within(q, self.max)
    }

    /// The quantile, where nothing is larger than `max`.
    fn quantile_within(&self, q: f64, max: u64) -> Option<u64> {
        let count = self.count();
        if count == 0 {
            return None;
        }
        // The rank of the nearest-rank definition: 1 to `count`.
        let rank = ((q.clamp(0.0, 1.0) * count as f64).ceil() as u64).clamp(1, count);
        let mut below = 0;
        let bucket = self.buckets.iter().position(|held| {
            below = held.saturating_add(below);
            below >= rank
        })?;
        let (low, high) = (lower_edge(bucket), lower_edge(bucket + 1) - 1);
        Some((low + (high - low) / 2).min(max))
    }

    pub(super) fn plus(&self, other: &Self) -> Self {
        let longer = self.buckets.len().max(other.buckets.len());
        let at = |buckets: &[u64], index| buckets.get(index).copied().unwrap_or(0);
        Self {
            buckets: (0..longer)
                .map(|index| at(&self.buckets, index).saturating_add(at(&other.buckets, index)))
                .collect(),
            sum: self.sum.wrapping_add(other.sum),
            max: self.max.max(other.max),
        }
    }

    /// What was recorded between `earlier` and this; its largest is `recent`.
    pub(super) fn since(&self, earlier: &Self, recent: u64) -> Self {
        let before = |index| earlier.buckets.get(index).copied().unwrap_or(0);
        let buckets: Box<[u64]> =
            self.buckets.iter().enumerate().map(|(index, held)| held.saturating_sub(before(index))).collect();
        // A number that is recorded while a turn is made may have its maximum on the one side of it and its bucket on
        // the other: no maximum is below its own bucket.
        let least = buckets.iter().rposition(|held| *held > 0).map_or(0, lower_edge);
        let max = if least == 0 && buckets.first().is_none_or(|zeros| *zeros == 0) { 0 } else { recent.max(least) };
        Self { buckets, sum: self.sum.wrapping_sub(earlier.sum), max }
    }

    /// [`Distribution::since`] of two readings, between which there may have been turns: a largest that isn't that of
    /// all time is the middle of its bucket.
    pub(super) fn minus(&self, earlier: &Self) -> Self {
        let mut since = self.since(earlier, if self.max > earlier.max { self.max } else { 0 });
        since.max = since.quantile_within(1.0, self.max).map_or(0, |middle| middle.max(since.max));
        since
    }

    /// The buckets that hold something, each by its index.
    #[cfg(feature = "serde")]
    pub(super) fn held(&self) -> impl Iterator<Item = (usize, u64)> {
        self.buckets.iter().copied().enumerate().filter(|(_, held)| *held > 0)
    }

    /// That of [`Distribution::held`]; buckets that don't exist are passed over.
    #[cfg(feature = "serde")]
    pub(super) fn from_held(sum: u64, max: u64, held: impl IntoIterator<Item = (usize, u64)>) -> Self {
        let mut distribution = Self { sum, max, ..Self::default() };
        held.into_iter().for_each(|(bucket, held)| distribution.add_cell(bucket.saturating_add(2), held));
        distribution
    }

    /// How many cells [`Distribution::cells`] has.
    pub(super) const CELLS: usize = BUCKETS + 2;

    /// What isn't zero, each with its index: the sum, the maximum, the buckets.
    pub(super) fn cells(&self) -> impl Iterator<Item = (usize, u64)> {
        [self.sum, self.max].into_iter().chain(self.buckets.iter().copied()).enumerate().filter(|(_, held)| *held > 0)
    }

    /// Adds a cell of another's; one beyond the last is ignored.
    pub(super) fn add_cell(&mut self, index: usize, value: u64) {
        match index {
            0 => self.sum = self.sum.wrapping_add(value),
            1 => self.max = self.max.max(value),
            _ => {
                if self.buckets.is_empty() {
                    self.buckets = vec![0; BUCKETS].into();
                }
                if let Some(held) = self.buckets.get_mut(index - 2) {
                    *held = held.saturating_add(value);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn edges_and_buckets_are_inverse() {
        for bucket in 0..BUCKETS {
            assert_eq!(bucket_of(lower_edge(bucket)), bucket);
            assert_eq!(bucket_of(lower_edge(bucket + 1) - 1), bucket);
        }
        assert_eq!(bucket_of(u64::MAX), BUCKETS - 1);
    }

    #[test]
    fn the_last_bucket_begins_below_two_to_the_47_and_takes_all_above() {
        assert_eq!(lower_edge(BUCKETS), 1 << 47);
        let histogram = Histogram::new();
        histogram.record(u64::MAX);
        let held = histogram.snapshot();
        assert_eq!((held.count(), held.max(), held.sum()), (1, u64::MAX, u64::MAX));
        assert_eq!(held.quantile(0.5), Some((1 << 47) - (1 << 42) - 1));
    }

    #[test]
    fn a_quantile_is_within_its_stated_error() {
        let histogram = Histogram::new();
        let mut exact: Vec<u64> = (1..=20_000_u64).map(|n| n * n * 7 % 50_000_017).collect();
        exact.iter().for_each(|value| histogram.record(*value));
        exact.sort_unstable();
        let held = histogram.snapshot();
        for q in [0.01, 0.1, 0.5, 0.9, 0.99, 0.999, 1.0] {
            let truth = exact[(q * exact.len() as f64).ceil() as usize - 1] as f64;
            let given = held.quantile(q).unwrap() as f64;
            assert!((given - truth).abs() <= truth * 0.0625 + 1.0, "q {q}: {given} for {truth}");
        }
        assert_eq!((held.count(), held.max()), (20_000, *exact.last().unwrap()));
        assert_eq!(held.sum(), exact.iter().sum::<u64>());
    }

    #[test]
    fn a_bucket_holds_more_than_it_has_bits_for() {
        let histogram = Histogram::new();
        for times in 1..=5 {
            histogram.buckets[3].fetch_add(SPILL - 2, Ordering::Relaxed);
            (0..2).for_each(|_| histogram.record(3));
            histogram.record(1);
            let held = histogram.snapshot();
            assert_eq!(held.count(), times * (u64::from(SPILL) + 1));
            assert_eq!((held.quantile(0.9), histogram.spilled.lock().unwrap().len()), (Some(3), 1));
        }
    }

    #[test]
    fn numbers_below_eight_are_exact() {
        for value in 0..8 {
            let histogram = Histogram::new();
            [value, value, 7].into_iter().for_each(|value| histogram.record(value));
            assert_eq!(histogram.snapshot().quantile(0.5), Some(value));
        }
    }

    #[test]
    fn nothing_recorded_has_no_quantile_and_zero_mean() {
        let held = Histogram::new().snapshot();
        assert_eq!((held.count(), held.quantile(0.5), held.mean()), (0, None, 0));
    }

    #[test]
    fn the_largest_of_a_difference_is_exact_if_it_is_the_largest_of_all() {
        let histogram = Histogram::new();
        histogram.record(5_000);
        let first = histogram.snapshot();
        assert_eq!(first.minus(&first), Distribution { buckets: vec![0; BUCKETS].into(), sum: 0, max: 0 });
        histogram.record(1_000);
        let second = histogram.snapshot();
        assert_eq!((second.minus(&first).count(), second.minus(&first).sum()), (1, 1_000));
        let about = second.minus(&first).max() as f64;
        assert!((about - 1_000.0).abs() <= 62.5, "{about}");
        histogram.record(7_777);
        assert_eq!(histogram.snapshot().minus(&second).max(), 7_777);
        assert_eq!(histogram.snapshot().minus(&Distribution::default()), histogram.snapshot());
    }

    #[test]
    fn two_halves_make_the_whole() {
        let (whole, one, two) = (Histogram::new(), Histogram::new(), Histogram::new());
        for value in (1..5_000_u64).map(|n| n * 331) {
            whole.record(value);
            if value % 3 == 0 { &one } else { &two }.record(value);
        }
        assert_eq!(one.snapshot().plus(&two.snapshot()), whole.snapshot());
        assert_eq!(Distribution::default().plus(&whole.snapshot()), whole.snapshot());
    }
}
