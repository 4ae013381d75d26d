//! Histograms of durations and of sizes.

use std::fmt;
use std::marker::PhantomData;
use std::time::Duration;

use super::distribution::Distribution;

/// A histogram of durations, from 1 ns to 39 hours. Longer durations count as 39 hours in quantiles.
pub type Durations = Histogram<Duration>;

/// A histogram of sizes in bytes, up to 128 TiB. Larger sizes count as 128 TiB in quantiles.
pub type Sizes = Histogram<u64>;

/// A histogram at one moment, of durations or of sizes in bytes.
///
/// Quantiles are within 6.25% of the exact ones, and exact below 8 ns or bytes. Count, sum, mean and maximum are exact.
/// This is a plain value; a quantile costs a walk over 360 buckets.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Histogram<T> {
    distribution: Distribution,
    quantity: PhantomData<T>,
}

/// The quantity of a [`Histogram`]: a [`Duration`], or a size in bytes as `u64`. Sealed.
pub trait Quantity: fmt::Debug + sealed::Sealed {
    /// The name of the histogram in `Debug` output.
    const NAME: &'static str;

    /// Converts a recorded number.
    fn from_number(number: u64) -> Self;
}

mod sealed {
    pub trait Sealed {}

    impl Sealed for std::time::Duration {}

    impl Sealed for u64 {}
}

/// Recorded in nanoseconds.
impl Quantity for Duration {
    const NAME: &'static str = "Durations";

    fn from_number(number: u64) -> Self {
        Self::from_nanos(number)
    }
}

/// Recorded in bytes.
impl Quantity for u64 {
    const NAME: &'static str = "Sizes";

    fn from_number(number: u64) -> Self {
        number
    }
}

impl<T: Quantity> Histogram<T> {
    pub(super) const fn new(distribution: Distribution) -> Self {
        Self { distribution, quantity: PhantomData }
    }

    /// Returns the number of recorded values.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.distribution.count()
    }

    /// Returns the sum of all values.
    #[must_use]
    pub fn sum(&self) -> T {
        T::from_number(self.distribution.sum())
    }

    /// Returns the mean in whole nanoseconds or bytes, or zero if there are no values.
    #[must_use]
    pub fn mean(&self) -> T {
        T::from_number(self.distribution.mean())
    }

    /// Returns the maximum, or zero if there are no values.
    #[must_use]
    pub fn max(&self) -> T {
        T::from_number(self.distribution.max())
    }

    /// Returns the quantile `q`, from 0 to 1: the value that a share of `q` of all values doesn't exceed. Returns
    /// `None` if there are no values.
    #[must_use]
    pub fn quantile(&self, q: f64) -> Option<T> {
        self.distribution.quantile(q).map(T::from_number)
    }

    /// Returns the median.
    #[must_use]
    pub fn p50(&self) -> Option<T> {
        self.quantile(0.5)
    }

    /// Returns the 90th percentile.
    #[must_use]
    pub fn p90(&self) -> Option<T> {
        self.quantile(0.9)
    }

    /// Returns the 99th percentile.
    #[must_use]
    pub fn p99(&self) -> Option<T> {
        self.quantile(0.99)
    }

    /// Returns the sum of both, as if one histogram had recorded all values.
    #[must_use]
    pub fn plus(&self, other: &Self) -> Self {
        Self::new(self.distribution.plus(&other.distribution))
    }

    /// Returns the values recorded between `earlier` and now: see [`Distribution::since`].
    pub(super) fn since(&self, earlier: &Self, recent: u64) -> Self {
        Self::new(self.distribution.since(&earlier.distribution, recent))
    }

    /// Returns the values recorded between two readings: see [`Distribution::minus`].
    pub(super) fn minus(&self, earlier: &Self) -> Self {
        Self::new(self.distribution.minus(&earlier.distribution))
    }

    pub(super) const fn distribution(&self) -> &Distribution {
        &self.distribution
    }

    pub(super) const fn distribution_mut(&mut self) -> &mut Distribution {
        &mut self.distribution
    }
}

impl<T: Quantity> fmt::Debug for Histogram<T> {
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
    use super::super::atomic_histogram::AtomicHistogram;
    use super::*;
    use cachescope_core::nanos;

    #[test]
    fn durations_have_the_unit_of_time() {
        let histogram = AtomicHistogram::new();
        (1..=100).for_each(|n| histogram.record(nanos(Duration::from_millis(n))));
        let held = Durations::new(histogram.snapshot());
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
        let histogram = AtomicHistogram::new();
        sizes.into_iter().for_each(|bytes| histogram.record(bytes));
        Sizes::new(histogram.snapshot())
    }

    #[test]
    fn sizes_are_in_bytes() {
        let held = recorded((1..=100).map(|n| n * 1_024));
        assert_eq!((held.count(), held.sum(), held.max()), (100, 5_050 * 1_024, 102_400));
        assert_eq!(held.mean(), 51_712);
        for (quantile, kibibytes) in [(held.p50(), 50), (held.p90(), 90), (held.p99(), 99)] {
            let (given, truth) = (quantile.unwrap() as f64, f64::from(kibibytes) * 1_024.0);
            assert!((given - truth).abs() <= truth * 0.0625, "{given} for {truth}");
        }
    }

    #[test]
    fn sum_of_two_histograms_equals_one_that_recorded_both() {
        let (one, two) = (recorded([0, 3, 1 << 20]), recorded([5, 1 << 45]));
        assert_eq!(one.plus(&two), recorded([0, 3, 5, 1 << 20, 1 << 45]));
        assert_eq!((one.plus(&two).p50(), one.plus(&two).max()), (Some(5), 1 << 45));
        assert_eq!(Sizes::default().p99(), None);
    }
}
