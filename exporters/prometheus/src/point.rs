//! The SDK's data points, independent of their number type.

use std::time::SystemTime;

use opentelemetry::KeyValue;
use opentelemetry_sdk::metrics::data::{AggregatedMetrics, MetricData};

use crate::exponential;
use crate::sample_value::SampleValue;

/// The value of a data point.
#[derive(Debug)]
pub(crate) enum Value {
    Single(SampleValue),
    Histogram(Histogram),
}

/// A histogram in classic buckets.
#[derive(Debug)]
pub(crate) struct Histogram {
    /// Ascending upper bounds, without the infinite one.
    pub(crate) bounds: Vec<f64>,
    /// The number of values in the bucket of each bound.
    pub(crate) counts: Vec<u64>,
    pub(crate) count: u64,
    pub(crate) sum: SampleValue,
}

/// The attributes of one point.
pub(crate) type Attributes<'a, 'i> = &'i mut dyn Iterator<Item = &'a KeyValue>;

/// Calls `visit` for every point.
pub(crate) fn each<'a>(data: &'a AggregatedMetrics, visit: &mut dyn FnMut(Attributes<'a, '_>, Value)) {
    match data {
        AggregatedMetrics::F64(data) => of(data, visit),
        AggregatedMetrics::U64(data) => of(data, visit),
        AggregatedMetrics::I64(data) => of(data, visit),
    }
}

fn of<'a, T: Copy + Into<SampleValue>>(data: &'a MetricData<T>, visit: &mut dyn FnMut(Attributes<'a, '_>, Value)) {
    match data {
        MetricData::Sum(sum) => {
            sum.data_points().for_each(|p| visit(&mut p.attributes(), Value::Single(p.value().into())));
        }
        MetricData::Gauge(gauge) => {
            gauge.data_points().for_each(|p| visit(&mut p.attributes(), Value::Single(p.value().into())));
        }
        MetricData::Histogram(histogram) => histogram.data_points().for_each(|p| {
            let (bounds, counts) = (p.bounds().collect(), p.bucket_counts().collect());
            let (count, sum) = (p.count(), p.sum().into());
            visit(&mut p.attributes(), Value::Histogram(Histogram { bounds, counts, count, sum }));
        }),
        MetricData::ExponentialHistogram(histogram) => histogram.data_points().for_each(|p| {
            let (bounds, counts) = exponential::classic(p);
            let (count, sum) = (p.count() as u64, p.sum().into());
            visit(&mut p.attributes(), Value::Histogram(Histogram { bounds, counts, count, sum }));
        }),
    }
}

/// Counts the points.
pub(crate) fn count(data: &AggregatedMetrics) -> u64 {
    let mut points = 0;
    each(data, &mut |_, _| points += 1);
    points
}

/// Returns the start time of a counter or a histogram. A gauge has none.
pub(crate) fn start_time(data: &AggregatedMetrics) -> Option<SystemTime> {
    fn of<T>(data: &MetricData<T>) -> Option<SystemTime> {
        match data {
            MetricData::Sum(sum) => Some(sum.start_time()),
            MetricData::Histogram(histogram) => Some(histogram.start_time()),
            MetricData::ExponentialHistogram(histogram) => Some(histogram.start_time()),
            MetricData::Gauge(_) => None,
        }
    }
    match data {
        AggregatedMetrics::F64(data) => of(data),
        AggregatedMetrics::U64(data) => of(data),
        AggregatedMetrics::I64(data) => of(data),
    }
}
