//! What a histogram still knows, and values that stand for what it doesn't.

use std::num::NonZeroU32;

use opentelemetry_sdk::metrics::data::{ExponentialHistogramDataPoint, HistogramDataPoint};

use crate::number::Number;

/// A histogram's point, whatever kind of histogram, in the unit it is sent in.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Distribution {
    /// Those that aren't empty, ascending.
    buckets: Vec<Bucket>,
    pub(crate) count: u64,
    pub(crate) sum: f64,
    pub(crate) min: Option<f64>,
    pub(crate) max: Option<f64>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
struct Bucket {
    low: f64,
    high: f64,
    count: u64,
}

/// A value that stands for `count` of those recorded.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Representative {
    pub(crate) value: f64,
    pub(crate) count: u64,
}

impl Distribution {
    /// Values are multiplied by `scale`.
    pub(crate) fn of_buckets<T: Number>(point: &HistogramDataPoint<T>, scale: f64) -> Self {
        let bounds: Vec<f64> = point.bounds().collect();
        let counts = point.bucket_counts().enumerate().map(|(index, count)| Bucket {
            low: index.checked_sub(1).map_or(f64::NEG_INFINITY, |below| bounds[below]),
            high: bounds.get(index).copied().unwrap_or(f64::INFINITY),
            count,
        });
        Self::new(counts, point.count(), point.sum(), [point.min(), point.max()], scale)
    }

    /// Values are multiplied by `scale`.
    pub(crate) fn of_exponents<T: Number>(point: &ExponentialHistogramDataPoint<T>, scale: f64) -> Self {
        let step = f64::from(-i32::from(point.scale())).exp2();
        // Bucket `i` holds what is above `base^i` and not above `base^(i + 1)`, where `base` is `2^step`.
        let bound = |index: f64| (index * step).exp2();
        let side = |offset: i32, counts: &mut dyn Iterator<Item = u64>| -> Vec<Bucket> {
            let numbered = (0_u32..).zip(counts).map(|(index, count)| (f64::from(offset) + f64::from(index), count));
            numbered.map(|(index, count)| Bucket { low: bound(index), high: bound(index + 1.0), count }).collect()
        };
        let (negative, positive) = (point.negative_bucket(), point.positive_bucket());
        let negative = side(negative.offset(), &mut negative.counts()).into_iter().rev();
        let negative = negative.map(|Bucket { low, high, count }| Bucket { low: -high, high: -low, count });
        let zero = point.zero_threshold();
        let zero = Bucket { low: -zero, high: zero, count: point.zero_count() };
        let positive = side(positive.offset(), &mut positive.counts());
        let buckets = negative.chain([zero]).chain(positive);
        Self::new(buckets, point.count() as u64, point.sum(), [point.min(), point.max()], scale)
    }

    fn new<T: Number>(
        buckets: impl Iterator<Item = Bucket>,
        count: u64,
        sum: T,
        ends: [Option<T>; 2],
        scale: f64,
    ) -> Self {
        let [min, max] = ends.map(|end| end.map(Number::approximate).filter(|end| end.is_finite()));
        let buckets = buckets.filter(|bucket| bucket.count > 0).map(|bucket| bucket.within(min, max).scaled(scale));
        let mut buckets: Vec<Bucket> = buckets.collect();
        let sum = sum.approximate();
        if buckets.is_empty() && count > 0 {
            // Without boundaries the SDK keeps no buckets: all that was recorded is in one.
            let mean = sum / count.approximate();
            let whole = Bucket { low: min.unwrap_or(mean), high: max.unwrap_or(mean), count };
            buckets.push(whole.scaled(scale));
        }
        let [min, max] = [min, max].map(|end| end.map(|end| end * scale));
        Self { buckets, count, sum: sum * scale, min, max }
    }

    /// Values whose counts add up to the count, each within the bucket of those it stands for, whose weighted sum is the
    /// sum: about `values` of them, one a bucket at least, as many as were recorded at most.
    pub(crate) fn representatives(&self, values: NonZeroU32) -> impl Iterator<Item = Representative> {
        let counted = self.buckets.iter().map(|bucket| bucket.count).sum();
        let place = self.place();
        self.buckets.iter().flat_map(move |bucket| bucket.representatives(bucket.share(values, counted), place))
    }

    /// How far into their buckets values lie on average, 0 to 1: the sum that was measured tells it.
    fn place(&self) -> f64 {
        let weighted = |of: fn(&Bucket) -> f64| -> f64 {
            self.buckets.iter().map(|bucket| of(bucket) * bucket.count.approximate()).sum()
        };
        let place = (self.sum - weighted(|bucket| bucket.low)) / weighted(|bucket| bucket.high - bucket.low);
        // Without a sum that is a number, or where all buckets are points.
        if place.is_finite() { place.clamp(0.0, 1.0) } else { 0.5 }
    }
}

impl Bucket {
    /// Without what can't be in it. An open end that nothing limits ends at zero, or at the other end.
    fn within(self, min: Option<f64>, max: Option<f64>) -> Self {
        let low = self.low.max(min.unwrap_or(f64::NEG_INFINITY));
        let high = self.high.min(max.unwrap_or(f64::INFINITY));
        let (low, high) = match (low.is_finite(), high.is_finite()) {
            (true, true) => (low, high.max(low)),
            (true, false) => (low, low),
            (false, true) => (high.min(0.0), high),
            (false, false) => (0.0, 0.0),
        };
        Self { low, high, ..self }
    }

    fn scaled(self, scale: f64) -> Self {
        Self { low: self.low * scale, high: self.high * scale, ..self }
    }

    /// How many of `values` values this bucket gets, of a distribution of `counted`.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 1 and a u32")]
    fn share(&self, values: NonZeroU32, counted: u64) -> u64 {
        let values = u64::from(values.get());
        if counted <= values {
            return self.count;
        }
        let share = values.approximate() * (self.count.approximate() / counted.approximate());
        (share.round() as u64).clamp(1, self.count)
    }

    /// Spread evenly around `place`, which is their weighted mean, as far as the nearer end allows.
    fn representatives(self, values: u64, place: f64) -> impl Iterator<Item = Representative> {
        let (each, more) = (self.count / values, self.count % values);
        let number = values.approximate();
        // The first of them stand for one more, which moves the mean of places between -1 and 1 away from 0 by this.
        let skew = (more.approximate() / number - 1.0) * more.approximate() / self.count.approximate();
        let spread = place.min(1.0 - place) / (1.0 - skew);
        (0..values).map(move |index| {
            let aside = (2 * index + 1).approximate() / number - 1.0 - skew;
            let value = self.low + (self.high - self.low) * (place + spread * aside);
            let count = each + u64::from(index < more);
            Representative { value: value.clamp(self.low, self.high), count }
        })
    }
}

#[cfg(test)]
mod tests {
    use opentelemetry::metrics::MeterProvider;
    use opentelemetry_sdk::metrics::data::{AggregatedMetrics, MetricData};
    use opentelemetry_sdk::metrics::{
        Aggregation, InMemoryMetricExporter, Instrument, PeriodicReader, SdkMeterProvider, Stream,
    };

    use super::*;

    const BOUNDS: [f64; 4] = [0.001, 0.01, 0.1, 1.0];

    /// What the SDK makes of `values`.
    fn of(values: &[f64], aggregation: Aggregation) -> Distribution {
        let seen = InMemoryMetricExporter::default();
        let view = move |_: &Instrument| Stream::builder().with_aggregation(aggregation.clone()).build().ok();
        let meters = SdkMeterProvider::builder()
            .with_reader(PeriodicReader::builder(seen.clone()).build())
            .with_view(view)
            .build();
        let histogram = meters.meter("test").f64_histogram("test").build();
        values.iter().for_each(|value| histogram.record(*value, &[]));
        drop(meters.force_flush());
        let exported = seen.get_finished_metrics().unwrap_or_default();
        let mut metrics = exported.iter().flat_map(|all| all.scope_metrics()).flat_map(|scope| scope.metrics());
        match metrics.next().map(|metric| metric.data()) {
            Some(AggregatedMetrics::F64(MetricData::Histogram(all))) => {
                Distribution::of_buckets(all.data_points().next().expect("a point"), 1.0)
            }
            Some(AggregatedMetrics::F64(MetricData::ExponentialHistogram(all))) => {
                Distribution::of_exponents(all.data_points().next().expect("a point"), 1.0)
            }
            other => panic!("no histogram: {other:?}"),
        }
    }

    #[test]
    fn without_boundaries_all_that_was_recorded_is_still_there() {
        for record_min_max in [true, false] {
            let aggregation = Aggregation::ExplicitBucketHistogram { boundaries: Vec::new(), record_min_max };
            let distribution = of(&[0.25, 0.5, 2.25], aggregation);
            let values = values(NonZeroU32::MIN, &distribution);
            assert_eq!(values.iter().map(|value| value.count).sum::<u64>(), 3, "{values:?}");
            let sum: f64 = values.iter().map(|value| value.value * value.count.approximate()).sum();
            assert!((sum - 3.0).abs() < 1e-9, "{values:?}");
        }
    }

    fn explicit(record_min_max: bool) -> Aggregation {
        Aggregation::ExplicitBucketHistogram { boundaries: BOUNDS.to_vec(), record_min_max }
    }

    fn exponential() -> Aggregation {
        Aggregation::Base2ExponentialHistogram { max_size: 20, max_scale: 20, record_min_max: true }
    }

    fn values(number: NonZeroU32, distribution: &Distribution) -> Vec<Representative> {
        distribution.representatives(number).collect()
    }

    fn below(bounds: &[f64], values: impl Iterator<Item = (f64, u64)>) -> Vec<u64> {
        let mut counts = vec![0; bounds.len() + 1];
        values.for_each(|(value, count)| counts[bounds.partition_point(|bound| *bound < value)] += count);
        counts
    }

    #[test]
    fn representatives_have_the_count_the_sum_and_the_buckets_of_what_they_stand_for() {
        let recorded: Vec<f64> = (1..=2_000).map(|i| f64::from(i * i) * 1e-6).collect();
        for (aggregation, number) in
            [(explicit(true), 1), (explicit(true), 50), (exponential(), 1), (exponential(), 64)]
        {
            let number = NonZeroU32::new(number).unwrap();
            let distribution = of(&recorded, aggregation.clone());
            let found = values(number, &distribution);
            assert_eq!(found.iter().map(|r| r.count).sum::<u64>(), 2_000);
            let sum: f64 = found.iter().map(|r| r.value * r.count as f64).sum();
            assert!((sum / distribution.sum - 1.0).abs() < 1e-9, "{sum} for {}", distribution.sum);
            if matches!(aggregation, Aggregation::ExplicitBucketHistogram { .. }) {
                assert_eq!(
                    below(&BOUNDS, found.iter().map(|r| (r.value, r.count))),
                    below(&BOUNDS, recorded.iter().map(|value| (*value, 1))),
                );
            }
            let lines = found.len() as u32;
            assert!(lines <= number.get() + 20, "{lines} values where {number} were asked for");
        }
    }

    #[test]
    fn few_values_are_told_one_by_one_and_a_single_one_exactly() {
        let distribution = of(&[0.5, 0.5, 0.002], explicit(true));
        let found = values(NonZeroU32::new(16).unwrap(), &distribution);
        assert_eq!(found.iter().map(|r| r.count).collect::<Vec<_>>(), [1, 1, 1]);
        let single = values(NonZeroU32::MIN, &of(&[0.25], explicit(true)));
        assert_eq!(single, [Representative { value: 0.25, count: 1 }]);
    }

    #[test]
    fn negative_and_zero_values_have_their_places() {
        let distribution = of(&[-8.0, -8.0, 0.0, 4.0], exponential());
        let found = values(NonZeroU32::MIN, &distribution);
        assert_eq!(found.iter().map(|r| r.count).collect::<Vec<_>>(), [2, 1, 1]);
        assert!(found.is_sorted_by(|a, b| a.value < b.value), "{found:?}");
        assert!((found[0].value + 8.0).abs() < 0.1 && found[1].value == 0.0, "{found:?}");
    }

    #[test]
    fn open_ends_that_nothing_limits_are_finite() {
        let found = values(NonZeroU32::MIN, &of(&[1e-4, 50.0], explicit(false)));
        assert_eq!(found.len(), 2);
        assert!((0.0..=0.001).contains(&found[0].value) && found[1].value == 1.0, "{found:?}");
    }

    #[test]
    fn what_is_scaled_stays_in_its_bucket() {
        let bucket = Bucket { low: 0.0, high: 0.005, count: 7 }.scaled(1e3);
        assert_eq!(bucket.high, 5.0);
        assert!(bucket.representatives(7, 1.0).all(|r| r.value <= 5.0));
    }
}
