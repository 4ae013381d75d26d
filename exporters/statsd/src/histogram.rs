use std::num::NonZeroU32;

use cachescope_exporter::{Bucket, HistogramPoint, Number};

/// A point of an explicit or exponential histogram, in the unit in which it is sent.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Histogram {
    /// The buckets that aren't empty, ascending.
    buckets: Vec<Bucket>,
    pub(crate) count: u64,
    pub(crate) sum: f64,
    pub(crate) min: Option<f64>,
    pub(crate) max: Option<f64>,
}

/// A value that represents `count` recorded values.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Representative {
    pub(crate) value: f64,
    pub(crate) count: u64,
}

impl Histogram {
    /// Converts a point. Values are multiplied by `scale`.
    pub(crate) fn new(point: HistogramPoint, scale: f64) -> Self {
        let HistogramPoint { count, sum, min, max, buckets } = point;
        let [min, max] = [min, max].map(|end| end.filter(|end| end.is_finite()));
        let buckets = buckets.into_iter().filter(|bucket| bucket.count > 0);
        let mut buckets: Vec<Bucket> = buckets.map(|bucket| narrowed(bucket, min, max).scaled(scale)).collect();
        if buckets.is_empty() && count > 0 {
            // Without boundaries, the SDK keeps no buckets: all values are in one.
            let mean = sum / count.to_f64();
            let whole = Bucket { low: min.unwrap_or(mean), high: max.unwrap_or(mean), count };
            buckets.push(whole.scaled(scale));
        }
        let [min, max] = [min, max].map(|end| end.map(|end| end * scale));
        Self { buckets, count, sum: sum * scale, min, max }
    }

    /// Returns about `values` values that represent the recorded ones: at least one for each bucket, and at most as many as
    /// were recorded.
    ///
    /// Each lies in the bucket of the values that it represents. Their counts add up to the count, and their weighted sum is
    /// the sum.
    pub(crate) fn representatives(&self, values: NonZeroU32) -> impl Iterator<Item = Representative> {
        let total = self.buckets.iter().map(|bucket| bucket.count).sum();
        let position = self.position();
        self.buckets.iter().flat_map(move |bucket| spread(*bucket, share(*bucket, values, total), position))
    }

    /// Returns the average position of values within their buckets, from 0 to 1, computed from the measured sum.
    fn position(&self) -> f64 {
        let weighted = |of: fn(&Bucket) -> f64| -> f64 {
            self.buckets.iter().map(|bucket| of(bucket) * bucket.count.to_f64()).sum()
        };
        let position = (self.sum - weighted(|bucket| bucket.low)) / weighted(|bucket| bucket.high - bucket.low);
        // The sum may not be finite, or all buckets may be points.
        if position.is_finite() { position.clamp(0.0, 1.0) } else { 0.5 }
    }
}

/// Returns the bucket without the ranges that hold no values. An open end without a limit becomes zero, or the other end.
fn narrowed(bucket: Bucket, min: Option<f64>, max: Option<f64>) -> Bucket {
    let low = bucket.low.max(min.unwrap_or(f64::NEG_INFINITY));
    let high = bucket.high.min(max.unwrap_or(f64::INFINITY));
    let (low, high) = match (low.is_finite(), high.is_finite()) {
        (true, true) => (low, high.max(low)),
        (true, false) => (low, low),
        (false, true) => (high.min(0.0), high),
        (false, false) => (0.0, 0.0),
    };
    Bucket { low, high, ..bucket }
}

/// Returns the share of a bucket in `values` values, for a histogram with `total` recorded values.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 1 and a u32")]
fn share(bucket: Bucket, values: NonZeroU32, total: u64) -> u64 {
    let values = u64::from(values.get());
    if total <= values {
        return bucket.count;
    }
    let share = values.to_f64() * (bucket.count.to_f64() / total.to_f64());
    (share.round() as u64).clamp(1, bucket.count)
}

/// Returns `values` values in a bucket, spread evenly around `position` as far as the nearer end allows. Their weighted
/// mean is `position`.
fn spread(bucket: Bucket, values: u64, position: f64) -> impl Iterator<Item = Representative> {
    let Bucket { low, high, count } = bucket;
    let (each, more) = (count / values, count % values);
    let number = values.to_f64();
    // The first `more` values represent one more each. This moves the mean of offsets between -1 and 1 away from 0.
    let skew = (more.to_f64() / number - 1.0) * more.to_f64() / count.to_f64();
    let spread = position.min(1.0 - position) / (1.0 - skew);
    (0..values).map(move |index| {
        let offset = (2 * index + 1).to_f64() / number - 1.0 - skew;
        let value = low + (high - low) * (position + spread * offset);
        Representative { value: value.clamp(low, high), count: each + u64::from(index < more) }
    })
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

    /// Records `values` in the SDK, and returns the histogram that it exports.
    fn recorded(values: &[f64], aggregation: Aggregation) -> Histogram {
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
                Histogram::new(HistogramPoint::from(all.data_points().next().expect("a point")), 1.0)
            }
            Some(AggregatedMetrics::F64(MetricData::ExponentialHistogram(all))) => {
                Histogram::new(HistogramPoint::from(all.data_points().next().expect("a point")), 1.0)
            }
            other => panic!("no histogram: {other:?}"),
        }
    }

    #[test]
    fn histogram_without_boundaries_represents_all_recorded_values() {
        for record_min_max in [true, false] {
            let aggregation = Aggregation::ExplicitBucketHistogram { boundaries: Vec::new(), record_min_max };
            let histogram = recorded(&[0.25, 0.5, 2.25], aggregation);
            let values = values(NonZeroU32::MIN, &histogram);
            assert_eq!(values.iter().map(|value| value.count).sum::<u64>(), 3, "{values:?}");
            let sum: f64 = values.iter().map(|value| value.value * value.count.to_f64()).sum();
            assert!((sum - 3.0).abs() < 1e-9, "{values:?}");
        }
    }

    fn explicit(record_min_max: bool) -> Aggregation {
        Aggregation::ExplicitBucketHistogram { boundaries: BOUNDS.to_vec(), record_min_max }
    }

    fn exponential() -> Aggregation {
        Aggregation::Base2ExponentialHistogram { max_size: 20, max_scale: 20, record_min_max: true }
    }

    fn values(number: NonZeroU32, histogram: &Histogram) -> Vec<Representative> {
        histogram.representatives(number).collect()
    }

    fn below(bounds: &[f64], values: impl Iterator<Item = (f64, u64)>) -> Vec<u64> {
        let mut counts = vec![0; bounds.len() + 1];
        values.for_each(|(value, count)| counts[bounds.partition_point(|bound| *bound < value)] += count);
        counts
    }

    #[test]
    fn representatives_keep_the_count_the_sum_and_the_buckets() {
        let values_recorded: Vec<f64> = (1..=2_000).map(|i| f64::from(i * i) * 1e-6).collect();
        for (aggregation, number) in
            [(explicit(true), 1), (explicit(true), 50), (exponential(), 1), (exponential(), 64)]
        {
            let number = NonZeroU32::new(number).unwrap();
            let histogram = recorded(&values_recorded, aggregation.clone());
            let found = values(number, &histogram);
            assert_eq!(found.iter().map(|r| r.count).sum::<u64>(), 2_000);
            let sum: f64 = found.iter().map(|r| r.value * r.count as f64).sum();
            assert!((sum / histogram.sum - 1.0).abs() < 1e-9, "{sum} for {}", histogram.sum);
            if matches!(aggregation, Aggregation::ExplicitBucketHistogram { .. }) {
                assert_eq!(
                    below(&BOUNDS, found.iter().map(|r| (r.value, r.count))),
                    below(&BOUNDS, values_recorded.iter().map(|value| (*value, 1))),
                );
            }
            let lines = found.len() as u32;
            assert!(lines <= number.get() + 20, "{lines} values where {number} were asked for");
        }
    }

    #[test]
    fn few_values_are_sent_one_by_one_and_a_single_one_exactly() {
        let histogram = recorded(&[0.5, 0.5, 0.002], explicit(true));
        let found = values(NonZeroU32::new(16).unwrap(), &histogram);
        assert_eq!(found.iter().map(|r| r.count).collect::<Vec<_>>(), [1, 1, 1]);
        let single = values(NonZeroU32::MIN, &recorded(&[0.25], explicit(true)));
        assert_eq!(single, [Representative { value: 0.25, count: 1 }]);
    }

    #[test]
    fn negative_and_zero_values_have_representatives() {
        let histogram = recorded(&[-8.0, -8.0, 0.0, 4.0], exponential());
        let found = values(NonZeroU32::MIN, &histogram);
        assert_eq!(found.iter().map(|r| r.count).collect::<Vec<_>>(), [2, 1, 1]);
        assert!(found.is_sorted_by(|a, b| a.value < b.value), "{found:?}");
        assert!((found[0].value + 8.0).abs() < 0.1 && found[1].value == 0.0, "{found:?}");
    }

    #[test]
    fn open_buckets_without_limits_have_finite_values() {
        let found = values(NonZeroU32::MIN, &recorded(&[1e-4, 50.0], explicit(false)));
        assert_eq!(found.len(), 2);
        assert!((0.0..=0.001).contains(&found[0].value) && found[1].value == 1.0, "{found:?}");
    }

    #[test]
    fn scaled_values_stay_in_their_bucket() {
        let bucket = Bucket { low: 0.0, high: 0.005, count: 7 }.scaled(1e3);
        assert_eq!(bucket.high, 5.0);
        assert!(spread(bucket, 7, 1.0).all(|r| r.value <= 5.0));
    }
}
