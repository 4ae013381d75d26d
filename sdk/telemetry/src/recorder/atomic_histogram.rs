//! A histogram that threads record into without a lock.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use super::distribution::{BUCKETS, Distribution, bucket_of};

/// The count at which a bucket is emptied into `spilled`.
const SPILL: u32 = 1 << 31;

/// A histogram of numbers from 0 to 2^47, 1.5 KB. Recording costs four relaxed atomic additions.
///
/// The width of a bucket is at most 1/8 of its lower edge. A quantile, which is the middle of its bucket, is within
/// 6.25% of the exact one. Below 8 it is exact.
#[derive(Debug)]
pub(super) struct AtomicHistogram {
    buckets: [AtomicU32; BUCKETS],
    /// The counts that were moved out of buckets, by bucket. Locked while a bucket is emptied, and while the buckets
    /// are read.
    spilled: Mutex<Vec<(usize, u64)>>,
    sum: AtomicU64,
    max: AtomicU64,
    /// The maximum since the start of the period.
    recent: AtomicU64,
}

impl AtomicHistogram {
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

    /// Empties a bucket long before it can overflow. Called by the one thread that filled it.
    #[cold]
    fn spill(&self, bucket: usize) {
        let mut spilled = self.spilled.lock().unwrap_or_else(PoisonError::into_inner);
        self.buckets[bucket].fetch_sub(SPILL, Ordering::Relaxed);
        spilled.push((bucket, SPILL.into()));
        // One element per bucket.
        spilled.sort_unstable();
        spilled.dedup_by(|later, first| {
            let same = later.0 == first.0;
            first.1 += if same { later.1 } else { 0 };
            same
        });
    }

    /// The maximum since the start of the period.
    pub(super) fn recent_max(&self) -> u64 {
        self.recent.load(Ordering::Relaxed)
    }

    /// Returns the number of recorded values. Costs a walk over all buckets.
    pub(super) fn count(&self) -> u64 {
        let spilled = self.spilled.lock().unwrap_or_else(PoisonError::into_inner);
        let held = self.buckets.iter().map(|bucket| u64::from(bucket.load(Ordering::Relaxed)));
        held.chain(spilled.iter().map(|(_, held)| *held)).sum()
    }

    /// Returns the sum of all recorded values.
    pub(super) fn sum(&self) -> u64 {
        self.sum.load(Ordering::Relaxed)
    }

    /// Returns the maximum of the period, and starts the next one.
    pub(super) fn take_recent_max(&self) -> u64 {
        self.recent.swap(0, Ordering::Relaxed)
    }

    pub(super) fn snapshot(&self) -> Distribution {
        let spilled = self.spilled.lock().unwrap_or_else(PoisonError::into_inner);
        let mut buckets: Box<[u64]> = self.buckets.iter().map(|bucket| bucket.load(Ordering::Relaxed).into()).collect();
        spilled.iter().for_each(|(bucket, held)| buckets[*bucket] += held);
        Distribution { buckets, sum: self.sum.load(Ordering::Relaxed), max: self.max.load(Ordering::Relaxed) }
    }
}

#[cfg(test)]
mod tests {
    use super::super::distribution::{BUCKETS, lower_edge};
    use super::*;

    #[test]
    fn last_bucket_ends_at_two_to_the_47_and_holds_all_above() {
        assert_eq!(lower_edge(BUCKETS), 1 << 47);
        let histogram = AtomicHistogram::new();
        histogram.record(u64::MAX);
        let held = histogram.snapshot();
        assert_eq!((held.count(), held.max(), held.sum()), (1, u64::MAX, u64::MAX));
        assert_eq!(held.quantile(0.5), Some((1 << 47) - (1 << 42) - 1));
    }

    #[test]
    fn quantile_is_within_its_stated_error() {
        let histogram = AtomicHistogram::new();
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
    fn bucket_counts_beyond_32_bits() {
        let histogram = AtomicHistogram::new();
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
            let histogram = AtomicHistogram::new();
            [value, value, 7].into_iter().for_each(|value| histogram.record(value));
            assert_eq!(histogram.snapshot().quantile(0.5), Some(value));
        }
    }

    #[test]
    fn empty_histogram_has_no_quantile_and_zero_mean() {
        let held = AtomicHistogram::new().snapshot();
        assert_eq!((held.count(), held.quantile(0.5), held.mean()), (0, None, 0));
    }

    #[test]
    fn maximum_of_a_difference_is_exact_if_it_is_the_overall_maximum() {
        let histogram = AtomicHistogram::new();
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
    fn sum_of_two_histograms_equals_one_that_recorded_both() {
        let (whole, one, two) = (AtomicHistogram::new(), AtomicHistogram::new(), AtomicHistogram::new());
        for value in (1..5_000_u64).map(|n| n * 331) {
            whole.record(value);
            if value % 3 == 0 { &one } else { &two }.record(value);
        }
        assert_eq!(one.snapshot().plus(&two.snapshot()), whole.snapshot());
        assert_eq!(Distribution::default().plus(&whole.snapshot()), whole.snapshot());
    }
}
