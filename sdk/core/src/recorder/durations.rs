//! A distribution of durations.

use std::fmt;
use std::time::Duration;

use super::histogram::Distribution;

/// What a histogram of durations held at one moment, 1 ns to 39 hours.
///
/// Quantiles are within 6.25% of the exact ones; longer durations count as 39 hours there. Count, sum, mean and
/// maximum are exact. A plain value; asking for a quantile costs a walk over 360 buckets.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Durations(Distribution);

/// As a histogram records it.
pub(super) fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

impl Durations {
    pub(super) const fn of(nanos: Distribution) -> Self {
        Self(nanos)
    }

    /// How many durations were recorded.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.0.count()
    }

    /// All of them together.
    #[must_use]
    pub const fn sum(&self) -> Duration {
        Duration::from_nanos(self.0.sum())
    }

    /// Their mean; zero where there are none.
    #[must_use]
    pub fn mean(&self) -> Duration {
        Duration::from_nanos(self.0.mean())
    }

    /// The longest; zero where there are none.
    #[must_use]
    pub const fn max(&self) -> Duration {
        Duration::from_nanos(self.0.max())
    }

    /// The duration that the share `q` (0 to 1) of all stays at or below; `None` where there are none.
    #[must_use]
    pub fn quantile(&self, q: f64) -> Option<Duration> {
        self.0.quantile(q).map(Duration::from_nanos)
    }

    /// The median.
    #[must_use]
    pub fn p50(&self) -> Option<Duration> {
        self.quantile(0.5)
    }

    /// The 90th percentile.
    #[must_use]
    pub fn p90(&self) -> Option<Duration> {
        self.quantile(0.9)
    }

    /// The 99th percentile.
    #[must_use]
    pub fn p99(&self) -> Option<Duration> {
        self.quantile(0.99)
    }

    /// These durations and those, as if one histogram had recorded both.
    #[must_use]
    pub fn plus(&self, other: &Self) -> Self {
        Self(self.0.plus(&other.0))
    }

    /// Those recorded between `earlier` and now, as [`Distribution::since`] has it.
    pub(super) fn since(&self, earlier: &Self, recent: u64) -> Self {
        Self(self.0.since(&earlier.0, recent))
    }

    pub(super) const fn distribution(&self) -> &Distribution {
        &self.0
    }

    pub(super) const fn distribution_mut(&mut self) -> &mut Distribution {
        &mut self.0
    }
}

impl fmt::Debug for Durations {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Durations")
            .field("count", &self.count())
            .field("mean", &self.mean())
            .field("p50", &self.p50())
            .field("p90", &self.p90())
            .field("p99", &self.p99())
            .field("max", &self.max())
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::super::histogram::Histogram;
    use super::*;

    #[test]
    fn are_told_in_time() {
        let histogram = Histogram::new();
        (1..=100).for_each(|n| histogram.record(nanos(Duration::from_millis(n))));
        let held = Durations::of(histogram.snapshot());
        assert_eq!((held.count(), held.sum()), (100, Duration::from_millis(5_050)));
        assert_eq!((held.mean(), held.max()), (Duration::from_micros(50_500), Duration::from_millis(100)));
        for (quantile, millis) in [(held.p50(), 50.0), (held.p90(), 90.0), (held.p99(), 99.0)] {
            let given = quantile.unwrap().as_secs_f64() * 1e3;
            assert!((given - millis).abs() <= millis * 0.0625, "{given} for {millis}");
        }
        assert_eq!(nanos(Duration::MAX), u64::MAX);
        assert_eq!(held.plus(&Durations::default()), held);
    }
}
