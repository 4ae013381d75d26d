//! Points as the SDK collected them, whatever the type of their numbers.

use std::time::SystemTime;

use opentelemetry::KeyValue;
use opentelemetry_sdk::metrics::Temporality;
use opentelemetry_sdk::metrics::data::{
    AggregatedMetrics, ExponentialBucket, ExponentialHistogramDataPoint, HistogramDataPoint, MetricData,
    ResourceMetrics,
};

use crate::distribution::{Distribution, ExponentialSide};

/// One point of one metric.
#[derive(Clone, Debug)]
pub(crate) struct Point<'a> {
    pub(crate) name: &'a str,
    /// In UCUM.
    pub(crate) unit: &'a str,
    pub(crate) time: SystemTime,
    pub(crate) attributes: Vec<&'a KeyValue>,
    /// None where it can't be said to CloudWatch: a total since the start, of which each interval would be added up.
    pub(crate) reading: Option<Reading>,
}

/// What it says.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Reading {
    /// So much since the last one.
    Delta(f64),
    /// How it stands: several are their sum, as of entries.
    Last(f64),
    /// How it stands, which makes no sense as a sum: several are the largest of them, as of waits.
    Gauge(f64),
    /// What was measured since the last one.
    Distribution(Distribution),
}

impl Reading {
    /// In another unit.
    pub(crate) fn times(self, factor: f64) -> Self {
        match self {
            Self::Delta(number) => Self::Delta(number * factor),
            Self::Last(number) => Self::Last(number * factor),
            Self::Gauge(number) => Self::Gauge(number * factor),
            Self::Distribution(distribution) => Self::Distribution(distribution.times(factor)),
        }
    }

    /// Makes one of both; the other is of the same kind.
    pub(crate) fn add(&mut self, other: Self) {
        match (self, other) {
            (Self::Delta(number), Self::Delta(more)) | (Self::Last(number), Self::Last(more)) => *number += more,
            (Self::Gauge(number), Self::Gauge(more)) => *number = number.max(more),
            (Self::Distribution(distribution), Self::Distribution(more)) => distribution.add(more),
            _ => debug_assert!(false, "readings of different kinds are of different series"),
        }
    }

    /// Whether nothing happened.
    pub(crate) fn is_nothing(&self) -> bool {
        match self {
            Self::Delta(number) => *number == 0.0,
            Self::Last(_) | Self::Gauge(_) => false,
            Self::Distribution(distribution) => distribution.is_empty(),
        }
    }
}

/// Every point of a collection.
pub(crate) fn each<'a>(metrics: &'a ResourceMetrics, mut visit: impl FnMut(Point<'a>)) {
    for metric in metrics.scope_metrics().flat_map(|scope| scope.metrics()) {
        let (name, unit) = (metric.name(), metric.unit());
        match metric.data() {
            AggregatedMetrics::F64(data) => each_of(name, unit, data, |number| number, &mut visit),
            AggregatedMetrics::U64(data) => each_of(name, unit, data, |number| number as f64, &mut visit),
            AggregatedMetrics::I64(data) => each_of(name, unit, data, |number| number as f64, &mut visit),
        }
    }
}

fn each_of<'a, T: Copy>(
    name: &'a str,
    unit: &'a str,
    data: &'a MetricData<T>,
    number: fn(T) -> f64,
    visit: &mut impl FnMut(Point<'a>),
) {
    let mut say = |time, attributes, reading| visit(Point { name, unit, time, attributes, reading });
    match data {
        MetricData::Gauge(gauge) => {
            for point in gauge.data_points() {
                say(gauge.time(), point.attributes().collect(), Some(Reading::Gauge(number(point.value()))));
            }
        }
        MetricData::Sum(sum) => {
            for point in sum.data_points() {
                let value = number(point.value());
                let reading = match (sum.is_monotonic(), sum.temporality()) {
                    (true, Temporality::Delta) => Some(Reading::Delta(value)),
                    (false, Temporality::Cumulative) => Some(Reading::Last(value)),
                    _ => None,
                };
                say(sum.time(), point.attributes().collect(), reading);
            }
        }
        MetricData::Histogram(histogram) => {
            for point in histogram.data_points() {
                let reading = is_delta(histogram.temporality()).then(|| explicit(point, number));
                say(histogram.time(), point.attributes().collect(), reading);
            }
        }
        MetricData::ExponentialHistogram(histogram) => {
            for point in histogram.data_points() {
                let reading = is_delta(histogram.temporality()).then(|| exponential(point, number));
                say(histogram.time(), point.attributes().collect(), reading);
            }
        }
    }
}

fn is_delta(temporality: Temporality) -> bool {
    temporality == Temporality::Delta
}

fn explicit<T: Copy>(point: &HistogramDataPoint<T>, number: fn(T) -> f64) -> Reading {
    let (bounds, counts): (Vec<_>, Vec<_>) = (point.bounds().collect(), point.bucket_counts().collect());
    let totals =
        Distribution::new(point.count(), number(point.sum()), point.min().map(number), point.max().map(number));
    Reading::Distribution(totals.explicit(&bounds, &counts))
}

fn exponential<T: Copy>(point: &ExponentialHistogramDataPoint<T>, number: fn(T) -> f64) -> Reading {
    let side =
        |bucket: &ExponentialBucket| ExponentialSide { offset: bucket.offset(), counts: bucket.counts().collect() };
    let (count, sum) = (point.count() as u64, number(point.sum()));
    let totals = Distribution::new(count, sum, point.min().map(number), point.max().map(number));
    Reading::Distribution(totals.exponential(
        point.scale(),
        point.zero_count(),
        point.zero_threshold(),
        &side(point.positive_bucket()),
        &side(point.negative_bucket()),
    ))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::sync::{Arc, Mutex};

    use opentelemetry::metrics::MeterProvider;
    use opentelemetry_sdk::metrics::{Aggregation, InMemoryMetricExporterBuilder, Instrument, Stream};
    use opentelemetry_sdk::metrics::{PeriodicReader, SdkMeterProvider};

    use super::*;

    /// What the SDK hands over of one of each instrument, by name.
    fn readings(temporality: Temporality) -> BTreeMap<String, Option<Reading>> {
        let exporter = InMemoryMetricExporterBuilder::new().with_temporality(temporality).build();
        let meters = SdkMeterProvider::builder()
            .with_reader(PeriodicReader::builder(exporter.clone()).build())
            .with_view(|instrument: &Instrument| {
                let exponential =
                    Aggregation::Base2ExponentialHistogram { max_size: 160, max_scale: 0, record_min_max: true };
                (instrument.name() == "exponential")
                    .then(|| Stream::builder().with_aggregation(exponential).build().ok())
                    .flatten()
            })
            .build();
        let meter = meters.meter("test");
        meter.u64_counter("counter").build().add(5, &[]);
        meter.i64_up_down_counter("up_down").build().add(-3, &[]);
        meter.f64_gauge("gauge").build().record(1.5, &[]);
        meter.f64_histogram("explicit").with_boundaries(vec![1.0, 2.0]).build().record(1.5, &[]);
        meter.u64_histogram("exponential").build().record(3, &[]);
        assert!(meters.force_flush().is_ok());
        let found = Arc::new(Mutex::new(BTreeMap::new()));
        for metrics in exporter.get_finished_metrics().unwrap_or_default() {
            each(&metrics, |point| {
                let mut found = found.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
                found.insert(point.name.to_owned(), point.reading);
            });
        }
        let found = found.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        found.clone()
    }

    #[test]
    fn each_instrument_is_read_as_what_it_is() {
        let found = readings(Temporality::Delta);
        assert_eq!(found["counter"], Some(Reading::Delta(5.0)));
        assert_eq!(found["up_down"], Some(Reading::Last(-3.0)));
        assert_eq!(found["gauge"], Some(Reading::Gauge(1.5)));
        let explicit = Distribution::new(1, 1.5, Some(1.5), Some(1.5)).explicit(&[1.0, 2.0], &[0, 1, 0]);
        assert_eq!(found["explicit"], Some(Reading::Distribution(explicit)));
        let Some(Reading::Distribution(exponential)) = &found["exponential"] else { panic!("{found:?}") };
        assert_eq!(exponential.parts(150)[0].values, [3.0]);
    }

    #[test]
    fn totals_since_the_start_are_not_said() {
        let found = readings(Temporality::Cumulative);
        assert_eq!((&found["counter"], &found["explicit"], &found["exponential"]), (&None, &None, &None));
        assert_eq!((&found["up_down"], &found["gauge"]), (&Some(Reading::Last(-3.0)), &Some(Reading::Gauge(1.5))));
    }
}
