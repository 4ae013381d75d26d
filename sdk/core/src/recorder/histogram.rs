//! Durations in buckets of bounded relative error, recorded without a lock.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Each power of two is split into this many buckets (as a power of two itself).
const SUB_BITS: u32 = 3;
const SUBS: usize = 1 << SUB_BITS;
/// Durations of 2^41 ns (37 minutes) and more share the last bucket; their maximum and sum stay exact.
const MAX_EXPONENT: usize = 40;
const BUCKETS: usize = (MAX_EXPONENT - SUB_BITS as usize + 2) * SUBS;

/// A histogram of durations, 1 ns to 37 minutes, 2.5 KB. Recording costs four relaxed additions.
///
/// A bucket is at most 1/8 of its lower edge wide, so a quantile, given as the middle of its bucket, is
/// within 6.25% of the exact one.
#[derive(Debug)]
pub(crate) struct Histogram {
    buckets: [AtomicU64; BUCKETS],
    sum_nanos: AtomicU64,
    max_nanos: AtomicU64,
}

impl Histogram {
    pub(crate) fn new() -> Self {
        Self {
            buckets: [const { AtomicU64::new(0) }; BUCKETS],
            sum_nanos: AtomicU64::new(0),
            max_nanos: AtomicU64::new(0),
        }
    }

    pub(crate) fn record(&self, duration: Duration) {
        let nanos = u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
        self.sum_nanos.fetch_add(nanos, Ordering::Relaxed);
        self.max_nanos.fetch_max(nanos, Ordering::Relaxed);
        self.buckets[bucket_of(nanos)].fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn snapshot(&self) -> Durations {
        Durations {
            buckets: self.buckets.iter().map(|bucket| bucket.load(Ordering::Relaxed)).collect(),
            sum_nanos: self.sum_nanos.load(Ordering::Relaxed),
            max_nanos: self.max_nanos.load(Ordering::Relaxed),
        }
    }
}

fn bucket_of(nanos: u64) -> usize {
    if nanos < SUBS as u64 {
        return nanos as usize;
    }
    let exponent = nanos.ilog2();
    let sub = (nanos >> (exponent - SUB_BITS)) as usize & (SUBS - 1);
    let bucket = (exponent - SUB_BITS + 1) as usize * SUBS + sub;
    bucket.min(BUCKETS - 1)
}

/// The lowest duration of a bucket, in nanoseconds.
fn lower_edge(bucket: usize) -> u64 {
    if bucket < SUBS {
        return bucket as u64;
    }
    let exponent = bucket / SUBS - 1;
    ((SUBS + bucket % SUBS) as u64) << exponent
}

/// What a histogram of durations held at one moment.
///
/// Quantiles are within 6.25% of the exact ones; count, mean and maximum are exact.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Durations {
    buckets: Box<[u64]>,
    sum_nanos: u64,
    max_nanos: u64,
}

impl Durations {
    /// How many durations were recorded.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.buckets.iter().sum()
    }

    /// All of them together.
    #[must_use]
    pub const fn sum(&self) -> Duration {
        Duration::from_nanos(self.sum_nanos)
    }

    /// Their mean; zero where there are none.
    #[must_use]
    pub fn mean(&self) -> Duration {
        Duration::from_nanos(self.sum_nanos.checked_div(self.count()).unwrap_or(0))
    }

    /// The longest; zero where there are none.
    #[must_use]
    pub const fn max(&self) -> Duration {
        Duration::from_nanos(self.max_nanos)
    }

    /// The duration that the share `q` (0 to 1) of all stays at or below; `None` where there are none.
    #[must_use]
    pub fn quantile(&self, q: f64) -> Option<Duration> {
        let count = self.count();
        if count == 0 {
            return None;
        }
        // The rank of the nearest-rank definition: 1 to `count`.
        let rank = ((q.clamp(0.0, 1.0) * count as f64).ceil() as u64).clamp(1, count);
        let mut below = 0;
        let bucket = self.buckets.iter().position(|held| {
            below += held;
            below >= rank
        })?;
        let (low, high) = (lower_edge(bucket), lower_edge(bucket + 1) - 1);
        Some(Duration::from_nanos((low + (high - low) / 2).min(self.max_nanos)))
    }

    /// The median.
    #[must_use]
    pub fn p50(&self) -> Option<Duration> {
        self.quantile(0.5)
    }

    /// The 99th percentile.
    #[must_use]
    pub fn p99(&self) -> Option<Duration> {
        self.quantile(0.99)
    }

    /// These durations and those, as if one histogram had recorded both.
    #[must_use]
    pub fn plus(&self, other: &Self) -> Self {
        let longer = self.buckets.len().max(other.buckets.len());
        let at = |buckets: &[u64], index| buckets.get(index).copied().unwrap_or(0);
        Self {
            buckets: (0..longer).map(|index| at(&self.buckets, index) + at(&other.buckets, index)).collect(),
            sum_nanos: self.sum_nanos.wrapping_add(other.sum_nanos),
            max_nanos: self.max_nanos.max(other.max_nanos),
        }
    }
}

impl fmt::Debug for Durations {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Durations")
            .field("count", &self.count())
            .field("mean", &self.mean())
            .field("p50", &self.p50())
            .field("p99", &self.p99())
            .field("max", &self.max())
            .finish()
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
    fn a_quantile_is_within_its_stated_error() {
        let histogram = Histogram::new();
        let mut exact: Vec<u64> = (1..=20_000_u64).map(|n| n * n * 7 % 50_000_017).collect();
        for nanos in &exact {
            histogram.record(Duration::from_nanos(*nanos));
        }
        exact.sort_unstable();
        let held = histogram.snapshot();
        for q in [0.01, 0.1, 0.5, 0.9, 0.99, 0.999, 1.0] {
            let truth = exact[(q * exact.len() as f64).ceil() as usize - 1] as f64;
            let given = held.quantile(q).unwrap().as_nanos() as f64;
            assert!((given - truth).abs() <= truth * 0.0625 + 1.0, "q {q}: {given} for {truth}");
        }
        assert_eq!(held.count(), 20_000);
        assert_eq!(held.max().as_nanos() as u64, *exact.last().unwrap());
        assert_eq!(held.sum().as_nanos() as u64, exact.iter().sum::<u64>());
    }

    #[test]
    fn nothing_recorded_has_no_quantile_and_zero_mean() {
        let held = Histogram::new().snapshot();
        assert_eq!((held.count(), held.p50(), held.mean()), (0, None, Duration::ZERO));
    }

    #[test]
    fn two_halves_make_the_whole() {
        let (whole, one, two) = (Histogram::new(), Histogram::new(), Histogram::new());
        for nanos in 1..5_000_u64 {
            let duration = Duration::from_nanos(nanos * 331);
            whole.record(duration);
            if nanos % 3 == 0 { &one } else { &two }.record(duration);
        }
        assert_eq!(one.snapshot().plus(&two.snapshot()), whole.snapshot());
        assert_eq!(Durations::default().plus(&whole.snapshot()), whole.snapshot());
    }
}
