//! One line of metrics.

use opentelemetry::KeyValue;
use opentelemetry_sdk::metrics::data::{AggregatedMetrics, Metric, MetricData, ResourceMetrics};
use serde::Serialize;

use crate::number::Number;
use crate::spread::Spread;

/// One series as it stands.
#[derive(Clone, Debug)]
pub(crate) struct Series<'a> {
    pub(crate) metric: &'a str,
    pub(crate) unit: &'a str,
    /// By key.
    pub(crate) attributes: Vec<&'a KeyValue>,
    pub(crate) reading: Reading,
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(untagged)]
pub(crate) enum Reading {
    Value { value: Number },
    Spread(Spread),
}

/// All of them, by metric and attributes: the same place each time.
pub(crate) fn all(metrics: &ResourceMetrics) -> Vec<Series<'_>> {
    let mut all = Vec::new();
    for metric in metrics.scope_metrics().flat_map(|scope| scope.metrics()) {
        match metric.data() {
            AggregatedMetrics::F64(data) => add(&mut all, metric, data),
            AggregatedMetrics::U64(data) => add(&mut all, metric, data),
            AggregatedMetrics::I64(data) => add(&mut all, metric, data),
        }
    }
    all.sort_by_cached_key(|series| (series.metric, text(&series.attributes, " ")));
    all
}

fn add<'a, T: Copy + Into<Number>>(all: &mut Vec<Series<'a>>, metric: &'a Metric, data: &'a MetricData<T>) {
    let mut push = |attributes: &mut dyn Iterator<Item = &'a KeyValue>, reading| {
        let mut attributes: Vec<&KeyValue> = attributes.collect();
        attributes.sort_by(|a, b| a.key.cmp(&b.key));
        all.push(Series { metric: metric.name(), unit: metric.unit(), attributes, reading });
    };
    match data {
        MetricData::Sum(sum) => {
            for point in sum.data_points() {
                push(&mut point.attributes(), Reading::Value { value: point.value().into() });
            }
        }
        MetricData::Gauge(gauge) => {
            for point in gauge.data_points() {
                push(&mut point.attributes(), Reading::Value { value: point.value().into() });
            }
        }
        MetricData::Histogram(histogram) => {
            for point in histogram.data_points() {
                push(&mut point.attributes(), Reading::Spread(Spread::of_buckets(point)));
            }
        }
        MetricData::ExponentialHistogram(histogram) => {
            for point in histogram.data_points() {
                push(&mut point.attributes(), Reading::Spread(Spread::of_exponents(point)));
            }
        }
    }
}

/// `key=value` with `between` in between.
pub(crate) fn text<'a>(attributes: impl IntoIterator<Item = &'a &'a KeyValue>, between: &str) -> String {
    let pairs = attributes.into_iter().map(|KeyValue { key, value, .. }| format!("{key}={value}"));
    pairs.collect::<Vec<_>>().join(between)
}
