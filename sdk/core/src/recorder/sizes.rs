//! A distribution of sizes.

use std::fmt;

use super::histogram::Distribution;

/// What a histogram of sizes held at one moment, in bytes, up to 128 TiB.
///
/// Quantiles are within 6.25% of the exact ones, and exact below 8 bytes; larger sizes count as 128 TiB there. Count,
/// sum, mean and maximum are exact. A plain value; asking for a quantile costs a walk over 360 buckets.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Sizes(Distribution);

impl Sizes {
    pub(super) const fn of(bytes: Distribution) -> Self {
        Self(bytes)
    }

    /// How many sizes were recorded.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.0.count()
    }

    /// All of them together, in bytes.
    #[must_use]
    pub const fn sum(&self) -> u64 {
        self.0.sum()
    }

    /// Their mean, in whole bytes; zero where there are none.
    #[must_use]
    pub fn mean(&self) -> u64 {
        self.0.mean()
    }

    /// The largest; zero where there are none.
    #[must_use]
    pub const fn max(&self) -> u64 {
        self.0.max()
    }

    /// The size that the share `q` (0 to 1) of all stays at or below; `None` where there are none.
    #[must_use]
    pub fn quantile(&self, q: f64) -> Option<u64> {
        self.0.quantile(q)
    }

    /// The median.
    #[must_use]
    pub fn p50(&self) -> Option<u64> {
        self.quantile(0.5)
    }

    /// The 90th percentile.
    #[must_use]
    pub fn p90(&self) -> Option<u64> {
        self.quantile(0.9)
    }

    /// The 99th percentile.
    #[must_use]
    pub fn p99(&self) -> Option<u64> {
        self.quantile(0.99)
    }

    /// These sizes and those, as if one histogram had recorded both.
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

impl fmt::Debug for Sizes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sizes")
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

    fn recorded(sizes: impl IntoIterator<Item = u64>) -> Sizes {
        let histogram = Histogram::new();
        sizes.into_iter().for_each(|bytes| histogram.record(bytes));
        Sizes::of(histogram.snapshot())
    }

    #[test]
    fn are_told_in_bytes() {
        let held = recorded((1..=100).map(|n| n * 1_024));
        assert_eq!((held.count(), held.sum(), held.max()), (100, 5_050 * 1_024, 102_400));
        assert_eq!(held.mean(), 51_712);
        for (quantile, kibibytes) in [(held.p50(), 50), (held.p90(), 90), (held.p99(), 99)] {
            let (given, truth) = (quantile.unwrap() as f64, f64::from(kibibytes) * 1_024.0);
            assert!((given - truth).abs() <= truth * 0.0625, "{given} for {truth}");
        }
    }

    #[test]
    fn of_two_caches_are_those_of_one_that_had_both() {
        let (one, two) = (recorded([0, 3, 1 << 20]), recorded([5, 1 << 45]));
        assert_eq!(one.plus(&two), recorded([0, 3, 5, 1 << 20, 1 << 45]));
        assert_eq!((one.plus(&two).p50(), one.plus(&two).max()), (Some(5), 1 << 45));
        assert_eq!(Sizes::default().p99(), None);
    }
}
