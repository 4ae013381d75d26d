//! Data points as the SDK collected them, for every type of numbers.

use std::time::SystemTime;

use cachescope_exporter::{HistogramPoint, Number};
use opentelemetry::KeyValue;
use opentelemetry_sdk::metrics::Temporality;
use opentelemetry_sdk::metrics::data::{AggregatedMetrics, MetricData, ResourceMetrics};

use crate::distribution::Distribution;

/// A data point of a metric.
#[derive(Clone, Debug)]
pub(crate) struct Point<'a> {
    pub(crate) name: &'a str,
    /// In UCUM.
    pub(crate) unit: &'a str,
    pub(crate) time: SystemTime,
    pub(crate) attributes: Vec<&'a KeyValue>,
    /// `None` if CloudWatch can't represent it: a cumulative total, which CloudWatch would add up at every interval.
    pub(crate) value: Option<PointValue>,
}

/// The value of a data point.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum PointValue {
    /// A sum since the last interval.
    Delta(f64),
    /// A current value of which several are added, such as a number of entries.
    Last(f64),
    /// A current value of which the largest is sent, such as the longest wait.
    Gauge(f64),
    /// The measurements since the last interval.
    Distribution(Distribution),
}

impl PointValue {
    /// Converts the value to another unit.
    pub(crate) fn times(self, factor: f64) -> Self {
        match self {
            Self::Delta(number) => Self::Delta(number * factor),
            Self::Last(number) => Self::Last(number * factor),
            Self::Gauge(number) => Self::Gauge(number * factor),
            Self::Distribution(distribution) => Self::Distribution(distribution.times(factor)),
        }
    }

    /// Merges another value of the same kind.
    pub(crate) fn add(&mut self, other: Self) {
        match (self, other) {
            (Self::Delta(number), Self::Delta(more)) | (Self::Last(number), Self::Last(more)) => *number += more,
            (Self::Gauge(number), Self::Gauge(more)) => *number = number.max(more),
            (Self::Distribution(distribution), Self::Distribution(more)) => distribution.add(more),
            _ => debug_assert!(false, "values of different kinds belong to different series"),
        }
    }

    /// Returns whether nothing was counted or measured.
    pub(crate) fn is_empty(&self) -> bool {
        match self {
            Self::Delta(number) => *number == 0.0,
            Self::Last(_) | Self::Gauge(_) => false,
            Self::Distribution(distribution) => distribution.is_empty(),
        }
    }
}

/// Calls `visit` for every data point of a collection.
pub(crate) fn for_each<'a>(metrics: &'a ResourceMetrics, mut visit: impl FnMut(Point<'a>)) {
    for metric in metrics.scope_metrics().flat_map(|scope| scope.metrics()) {
        let (name, unit) = (metric.name(), metric.unit());
        match metric.data() {
            AggregatedMetrics::F64(data) => each_of(name, unit, data, &mut visit),
            AggregatedMetrics::U64(data) => each_of(name, unit, data, &mut visit),
            AggregatedMetrics::I64(data) => each_of(name, unit, data, &mut visit),
        }
    }
}

fn each_of<'a, T: Number>(name: &'a str, unit: &'a str, data: &'a MetricData<T>, visit: &mut impl FnMut(Point<'a>)) {
    let mut push = |time, attributes, value| visit(Point { name, unit, time, attributes, value });
    match data {
        MetricData::Gauge(gauge) => {
            for point in gauge.data_points() {
                push(gauge.time(), point.attributes().collect(), Some(PointValue::Gauge(point.value().to_f64())));
            }
        }
        MetricData::Sum(sum) => {
            for point in sum.data_points() {
                let number = point.value().to_f64();
                let value = match (sum.is_monotonic(), sum.temporality()) {
                    (true, Temporality::Delta) => Some(PointValue::Delta(number)),
                    (false, Temporality::Cumulative) => Some(PointValue::Last(number)),
                    _ => None,
                };
                push(sum.time(), point.attributes().collect(), value);
            }
        }
        MetricData::Histogram(histogram) => {
            for point in histogram.data_points() {
                let value = is_delta(histogram.temporality()).then(|| distribution(HistogramPoint::from(point)));
                push(histogram.time(), point.attributes().collect(), value);
            }
        }
        MetricData::ExponentialHistogram(histogram) => {
            for point in histogram.data_points() {
                let value = is_delta(histogram.temporality()).then(|| distribution(HistogramPoint::from(point)));
                push(histogram.time(), point.attributes().collect(), value);
            }
        }
    }
}

fn is_delta(temporality: Temporality) -> bool {
    temporality == Temporality::Delta
}

fn distribution(point: HistogramPoint) -> PointValue {
    PointValue::Distribution(Distribution::from(point))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::sync::{Arc, Mutex};

    use opentelemetry::metrics::MeterProvider;
    use opentelemetry_sdk::metrics::{Aggregation, InMemoryMetricExporterBuilder, Instrument, Stream};
    use opentelemetry_sdk::metrics::{PeriodicReader, SdkMeterProvider};

    use super::*;

    /// Returns the values of one of each instrument, by name.
    fn values(temporality: Temporality) -> BTreeMap<String, Option<PointValue>> {
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
            for_each(&metrics, |point| {
                let mut found = found.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
                found.insert(point.name.to_owned(), point.value);
            });
        }
        let found = found.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        found.clone()
    }

    #[test]
    fn each_instrument_has_its_kind_of_value() {
        let found = values(Temporality::Delta);
        assert_eq!(found["counter"], Some(PointValue::Delta(5.0)));
        assert_eq!(found["up_down"], Some(PointValue::Last(-3.0)));
        assert_eq!(found["gauge"], Some(PointValue::Gauge(1.5)));
        let explicit = Distribution::explicit(1, 1.5, (Some(1.5), Some(1.5)), &[1.0, 2.0], &[0, 1, 0]);
        assert_eq!(found["explicit"], Some(PointValue::Distribution(explicit)));
        let Some(PointValue::Distribution(exponential)) = &found["exponential"] else { panic!("{found:?}") };
        assert_eq!(exponential.parts(150)[0].values, [3.0]);
    }

    #[test]
    fn cumulative_totals_have_no_value() {
        let found = values(Temporality::Cumulative);
        assert_eq!((&found["counter"], &found["explicit"], &found["exponential"]), (&None, &None, &None));
        assert_eq!(
            (&found["up_down"], &found["gauge"]),
            (&Some(PointValue::Last(-3.0)), &Some(PointValue::Gauge(1.5)))
        );
    }
}
