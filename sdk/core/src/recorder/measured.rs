//! A distribution with its unit: of durations, or of sizes.

use std::fmt;
use std::marker::PhantomData;
use std::time::Duration;

use super::histogram::Distribution;

/// What a histogram of durations held at one moment, 1 ns to 39 hours; longer durations count as 39 hours in quantiles.
pub type Durations = Measured<Duration>;

/// What a histogram of sizes held at one moment, in bytes, up to 128 TiB; larger sizes count as 128 TiB in quantiles.
pub type Sizes = Measured<u64>;

/// What a histogram held at one moment, of durations or of sizes in bytes.
///
/// Quantiles are within 6.25% of the exact ones, and exact below 8 ns or bytes. Count, sum, mean and maximum are exact.
/// A plain value; asking for a quantile costs a walk over 360 buckets.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Measured<T> {
    numbers: Distribution,
    quantity: PhantomData<T>,
}

/// What a distribution can be of.
pub trait Quantity: fmt::Debug {
    /// What such a distribution is called.
    const NAME: &'static str;

    /// The quantity of a recorded number.
    fn of(number: u64) -> Self;
}

/// Recorded in nanoseconds.
impl Quantity for Duration {
    const NAME: &'static str = "Durations";

    fn of(number: u64) -> Self {
        Self::from_nanos(number)
    }
}

/// Recorded in bytes.
impl Quantity for u64 {
    const NAME: &'static str = "Sizes";

    fn of(number: u64) -> Self {
        number
    }
}

impl<T: Quantity> Measured<T> {
    pub(super) const fn of(numbers: Distribution) -> Self {
        Self { numbers, quantity: PhantomData }
    }

    /// How many were recorded.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.numbers.count()
    }

    /// All of them together.
    #[must_use]
    pub fn sum(&self) -> T {
        T::of(self.numbers.sum())
    }

    /// Their mean, in whole nanoseconds or bytes; zero where there are none.
    #[must_use]
    pub fn mean(&self) -> T {
        T::of(self.numbers.mean())
    }

    /// The longest, or largest; zero where there are none.
    #[must_use]
    pub fn max(&self) -> T {
        T::of(self.numbers.max())
    }

    /// What the share `q` (0 to 1) of all stays at or below; `None` where there are none.
    #[must_use]
    pub fn quantile(&self, q: f64) -> Option<T> {
        self.numbers.quantile(q).map(T::of)
    }

    /// The median.
    #[must_use]
    pub fn p50(&self) -> Option<T> {
        self.quantile(0.5)
    }

    /// The 90th percentile.
    #[must_use]
    pub fn p90(&self) -> Option<T> {
        self.quantile(0.9)
    }

    /// The 99th percentile.
    #[must_use]
    pub fn p99(&self) -> Option<T> {
        self.quantile(0.99)
    }

    /// These and those, as if one histogram had recorded both.
    #[must_use]
    pub fn plus(&self, other: &Self) -> Self {
        Self::of(self.numbers.plus(&other.numbers))
    }

    /// Those recorded between `earlier` and now, as [`Distribution::since`] has it.
    pub(super) fn since(&self, earlier: &Self, recent: u64) -> Self {
        Self::of(self.numbers.since(&earlier.numbers, recent))
    }

    /// Those recorded between two readings, as [`Distribution::minus`] has it.
    pub(super) fn minus(&self, earlier: &Self) -> Self {
        Self::of(self.numbers.minus(&earlier.numbers))
    }

    pub(super) const fn distribution(&self) -> &Distribution {
        &self.numbers
    }

    pub(super) const fn distribution_mut(&mut self) -> &mut Distribution {
        &mut self.numbers
    }
}

impl<T: Quantity> fmt::Debug for Measured<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct(T::NAME)
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
    use crate::clock::nanos;

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
