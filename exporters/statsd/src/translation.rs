//! What the SDK measured, point by point, as lines.

use std::num::NonZeroU32;

use opentelemetry::{Key, KeyValue};
use opentelemetry_sdk::metrics::Temporality;
use opentelemetry_sdk::metrics::data::{AggregatedMetrics, Metric, MetricData, ResourceMetrics, Sum};

use crate::Timings;
use crate::distribution::Distribution;
use crate::notation::{Notation, Series};
use crate::number::Number;
use crate::rate;

/// How measurements become lines.
#[derive(Debug)]
pub(crate) struct Translation {
    pub(crate) notation: Notation,
    pub(crate) timings: Timings,
    /// What of the resource becomes an attribute of every series.
    pub(crate) resource: Vec<Key>,
}

/// The lines of one point; those of one string stay together. None if StatsD can't say it.
pub(crate) type Lines = Option<Vec<String>>;

impl Translation {
    /// Calls `each` for every point.
    pub(crate) fn points(&self, metrics: &ResourceMetrics, mut each: impl FnMut(Lines)) {
        let resource: Vec<KeyValue> = self
            .resource
            .iter()
            .filter_map(|key| Some(KeyValue::new(key.clone(), metrics.resource().get(key)?)))
            .collect();
        for metric in metrics.scope_metrics().flat_map(|scope| scope.metrics()) {
            match metric.data() {
                AggregatedMetrics::F64(data) => self.metric(metric, data, &resource, &mut each),
                AggregatedMetrics::U64(data) => self.metric(metric, data, &resource, &mut each),
                AggregatedMetrics::I64(data) => self.metric(metric, data, &resource, &mut each),
            }
        }
    }

    fn metric<T: Number>(
        &self,
        metric: &Metric,
        data: &MetricData<T>,
        resource: &[KeyValue],
        each: &mut impl FnMut(Lines),
    ) {
        fn series<'n, 'k>(
            of: &'n Translation,
            metric: &Metric,
            resource: &'k [KeyValue],
            attributes: impl Iterator<Item = &'k KeyValue>,
        ) -> Series<'n> {
            // A point's own attribute counts, not its namesake of the resource.
            let own: Vec<&KeyValue> = attributes.collect();
            let others = resource.iter().filter(|other| own.iter().all(|attribute| attribute.key != other.key));
            of.notation.series(metric.name(), others.chain(own.iter().copied()))
        }
        match data {
            MetricData::Sum(sum) => {
                for point in sum.data_points() {
                    let series = series(self, metric, resource, point.attributes());
                    each(summed(sum, &series, point.value()));
                }
            }
            MetricData::Gauge(gauge) => {
                for point in gauge.data_points() {
                    let series = series(self, metric, resource, point.attributes());
                    each(series.gauge(point.value()).map(|line| vec![line]));
                }
            }
            MetricData::Histogram(histogram) => {
                for point in histogram.data_points() {
                    let series = series(self, metric, resource, point.attributes());
                    each(self.distribution(&series, &Distribution::of_buckets(point, scale(metric.unit()))));
                }
            }
            MetricData::ExponentialHistogram(histogram) => {
                for point in histogram.data_points() {
                    let series = series(self, metric, resource, point.attributes());
                    each(self.distribution(&series, &Distribution::of_exponents(point, scale(metric.unit()))));
                }
            }
        }
    }

    fn distribution(&self, series: &Series<'_>, distribution: &Distribution) -> Lines {
        match self.timings {
            Timings::Sampled { values } => sampled(series, distribution, values),
            Timings::Summarised => summarised(series, distribution),
        }
    }
}

/// By the temporality that the exporter asks for, counters are differences and all other sums totals. What is neither
/// can't be said.
fn summed<T: Number>(sum: &Sum<T>, series: &Series<'_>, value: T) -> Lines {
    let line = match (sum.is_monotonic(), sum.temporality()) {
        (true, Temporality::Delta) => series.counter(value),
        (false, Temporality::Cumulative) => series.gauge(value),
        _ => None,
    };
    line.map(|line| vec![line])
}

fn sampled(series: &Series<'_>, distribution: &Distribution, values: NonZeroU32) -> Lines {
    let mut lines = Vec::new();
    for representative in distribution.representatives(values) {
        for part in rate::parts(representative.count) {
            lines.push(series.timing(representative.value, part.rate)?);
        }
    }
    Some(lines)
}

fn summarised(series: &Series<'_>, distribution: &Distribution) -> Lines {
    let mut lines =
        vec![series.part("count").counter(distribution.count)?, series.part("sum").counter(distribution.sum)?];
    for (part, value) in [("min", distribution.min), ("max", distribution.max)] {
        if let Some(value) = value {
            lines.push(series.part(part).gauge(value)?);
        }
    }
    Some(lines)
}

/// To milliseconds, if it is a time.
fn scale(unit: &str) -> f64 {
    match unit {
        "d" => 86_400_000.0,
        "h" => 3_600_000.0,
        "min" => 60_000.0,
        "s" => 1_000.0,
        "us" => 1e-3,
        "ns" => 1e-6,
        _ => 1.0,
    }
}
