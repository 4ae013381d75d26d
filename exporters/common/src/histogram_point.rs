use opentelemetry_sdk::metrics::data::{ExponentialBucket, ExponentialHistogramDataPoint, HistogramDataPoint};

use crate::{Bucket, ExponentialSide, Number};

/// A point of an explicit or exponential histogram, with its numbers as `f64`.
#[derive(Clone, Debug, PartialEq)]
pub struct HistogramPoint {
    /// The number of values.
    pub count: u64,
    /// The sum of all values.
    pub sum: f64,
    /// The smallest value, if the SDK recorded it.
    pub min: Option<f64>,
    /// The largest value, if the SDK recorded it.
    pub max: Option<f64>,
    /// The buckets, ascending, empty ones included. The SDK keeps none for an explicit histogram without boundaries.
    pub buckets: Vec<Bucket>,
}

impl<T: Number> From<&HistogramDataPoint<T>> for HistogramPoint {
    fn from(point: &HistogramDataPoint<T>) -> Self {
        let bounds: Vec<f64> = point.bounds().collect();
        Self {
            count: point.count(),
            sum: point.sum().to_f64(),
            min: point.min().map(Number::to_f64),
            max: point.max().map(Number::to_f64),
            buckets: Bucket::explicit(&bounds, point.bucket_counts()),
        }
    }
}

impl<T: Number> From<&ExponentialHistogramDataPoint<T>> for HistogramPoint {
    fn from(point: &ExponentialHistogramDataPoint<T>) -> Self {
        let side =
            |side: &ExponentialBucket| ExponentialSide { offset: side.offset(), counts: side.counts().collect() };
        Self {
            count: point.count() as u64,
            sum: point.sum().to_f64(),
            min: point.min().map(Number::to_f64),
            max: point.max().map(Number::to_f64),
            buckets: Bucket::exponential(
                point.scale(),
                point.zero_threshold(),
                point.zero_count(),
                &side(point.positive_bucket()),
                &side(point.negative_bucket()),
            ),
        }
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

    /// Records 1, 3 and 3 in the SDK's histogram of this aggregation.
    fn recorded(aggregation: Aggregation) -> Vec<HistogramPoint> {
        let exporter = InMemoryMetricExporter::default();
        let view = move |_: &Instrument| Stream::builder().with_aggregation(aggregation.clone()).build().ok();
        let meters = SdkMeterProvider::builder()
            .with_reader(PeriodicReader::builder(exporter.clone()).build())
            .with_view(view)
            .build();
        let histogram = meters.meter("test").u64_histogram("test").build();
        [1, 3, 3].into_iter().for_each(|value| histogram.record(value, &[]));
        drop(meters.force_flush());
        let exported = exporter.get_finished_metrics().unwrap_or_default();
        let metrics = exported.iter().flat_map(|all| all.scope_metrics()).flat_map(|scope| scope.metrics());
        metrics
            .flat_map(|metric| match metric.data() {
                AggregatedMetrics::U64(MetricData::Histogram(data)) => {
                    data.data_points().map(HistogramPoint::from).collect::<Vec<_>>()
                }
                AggregatedMetrics::U64(MetricData::ExponentialHistogram(data)) => {
                    data.data_points().map(HistogramPoint::from).collect()
                }
                _ => Vec::new(),
            })
            .collect()
    }

    #[test]
    fn both_kinds_of_histograms_have_the_same_totals() {
        let explicit = Aggregation::ExplicitBucketHistogram { boundaries: vec![2.0], record_min_max: true };
        let exponential = Aggregation::Base2ExponentialHistogram { max_size: 160, max_scale: 0, record_min_max: true };
        for (aggregation, counts) in [(explicit, vec![1, 2]), (exponential, vec![1, 2])] {
            let points = recorded(aggregation);
            let [point] = &points[..] else { panic!("{points:?}") };
            assert_eq!((point.count, point.sum, point.min, point.max), (3, 7.0, Some(1.0), Some(3.0)));
            let found: Vec<_> = point.buckets.iter().map(|bucket| bucket.count).filter(|count| *count > 0).collect();
            assert_eq!(found, counts, "{point:?}");
        }
    }
}
