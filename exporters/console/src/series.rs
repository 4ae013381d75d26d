//! Time series: the lines of the output.

use cachescope_exporter::{HistogramPoint, Number};
use opentelemetry::KeyValue;
use opentelemetry_sdk::metrics::data::{AggregatedMetrics, Metric, MetricData, ResourceMetrics};
use serde::Serialize;

use crate::histogram_summary::HistogramSummary;
use crate::point_value::PointValue;

/// A time series with its current value.
#[derive(Clone, Debug)]
pub(crate) struct TimeSeries<'a> {
    pub(crate) metric: &'a str,
    pub(crate) unit: &'a str,
    /// Sorted by key.
    pub(crate) attributes: Vec<&'a KeyValue>,
    pub(crate) value: SeriesValue,
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(untagged)]
pub(crate) enum SeriesValue {
    Value { value: PointValue },
    Histogram(HistogramSummary),
}

/// Returns all series, sorted by metric and attributes, so that their order is the same at each export.
pub(crate) fn all(metrics: &ResourceMetrics) -> Vec<TimeSeries<'_>> {
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

fn add<'a, T: Number + Into<PointValue>>(all: &mut Vec<TimeSeries<'a>>, metric: &'a Metric, data: &'a MetricData<T>) {
    let mut push = |attributes: &mut dyn Iterator<Item = &'a KeyValue>, value| {
        let mut attributes: Vec<&KeyValue> = attributes.collect();
        attributes.sort_by(|a, b| a.key.cmp(&b.key));
        all.push(TimeSeries { metric: metric.name(), unit: metric.unit(), attributes, value });
    };
    match data {
        MetricData::Sum(sum) => {
            for point in sum.data_points() {
                push(&mut point.attributes(), SeriesValue::Value { value: point.value().into() });
            }
        }
        MetricData::Gauge(gauge) => {
            for point in gauge.data_points() {
                push(&mut point.attributes(), SeriesValue::Value { value: point.value().into() });
            }
        }
        MetricData::Histogram(histogram) => {
            for point in histogram.data_points() {
                push(
                    &mut point.attributes(),
                    SeriesValue::Histogram(HistogramSummary::new(&HistogramPoint::from(point))),
                );
            }
        }
        MetricData::ExponentialHistogram(histogram) => {
            for point in histogram.data_points() {
                push(
                    &mut point.attributes(),
                    SeriesValue::Histogram(HistogramSummary::new(&HistogramPoint::from(point))),
                );
            }
        }
    }
}

/// Returns attributes as `key=value`, joined by `separator`.
pub(crate) fn text<'a>(attributes: impl IntoIterator<Item = &'a &'a KeyValue>, separator: &str) -> String {
    let pairs = attributes.into_iter().map(|KeyValue { key, value, .. }| format!("{key}={value}"));
    pairs.collect::<Vec<_>>().join(separator)
}
