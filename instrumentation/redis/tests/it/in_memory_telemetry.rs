//! Telemetry exported by the OpenTelemetry SDK, in memory and in a comparable form.

use std::collections::BTreeMap;

use cachescope_telemetry::Telemetry;
use opentelemetry::KeyValue;
use opentelemetry_sdk::metrics::data::{AggregatedMetrics, MetricData};
use opentelemetry_sdk::metrics::{InMemoryMetricExporter, PeriodicReader, SdkMeterProvider};
use opentelemetry_sdk::trace::{InMemorySpanExporter, SdkTracerProvider, SpanData};

/// Providers that export into memory.
pub(crate) struct InMemoryTelemetry {
    meters: SdkMeterProvider,
    pub(crate) traces: SdkTracerProvider,
    metrics: InMemoryMetricExporter,
    spans: InMemorySpanExporter,
}

pub(crate) type Attributes = BTreeMap<String, String>;

/// A data point: its attributes, and its value or the count of a histogram.
pub(crate) type Point = (Attributes, u64);

impl InMemoryTelemetry {
    pub(crate) fn new() -> Self {
        let (metrics, spans) = (InMemoryMetricExporter::default(), InMemorySpanExporter::default());
        Self {
            meters: SdkMeterProvider::builder().with_reader(PeriodicReader::builder(metrics.clone()).build()).build(),
            traces: SdkTracerProvider::builder().with_simple_exporter(spans.clone()).build(),
            metrics,
            spans,
        }
    }

    pub(crate) fn telemetry(&self) -> Telemetry {
        Telemetry::new(self.meters.clone(), self.traces.clone())
    }

    /// Collects the metrics, and returns the data points of one.
    pub(crate) fn points(&self, name: &str) -> Vec<Point> {
        self.metrics.reset();
        self.meters.force_flush().unwrap();
        let collected = self.metrics.get_finished_metrics().unwrap();
        let metrics = collected.iter().flat_map(|resource| resource.scope_metrics()).flat_map(|scope| scope.metrics());
        metrics.filter(|metric| metric.name() == name).flat_map(|metric| points(metric.data())).collect()
    }

    /// Returns the value of the only data point of a metric, or of the only one with an attribute.
    pub(crate) fn value(&self, name: &str, with: Option<(&str, &str)>) -> Option<u64> {
        let has = |attributes: &Attributes| {
            with.is_none_or(|(key, value)| attributes.get(key).is_some_and(|found| found == value))
        };
        let points: Vec<Point> = self.points(name).into_iter().filter(|(attributes, _)| has(attributes)).collect();
        assert!(points.len() <= 1, "{points:?}");
        points.first().map(|(_, value)| *value)
    }

    /// Returns the spans that have ended since the last call.
    pub(crate) fn spans(&self) -> Vec<SpanData> {
        let spans = self.spans.get_finished_spans().unwrap();
        self.spans.reset();
        spans
    }
}

fn points(data: &AggregatedMetrics) -> Vec<Point> {
    match data {
        AggregatedMetrics::F64(MetricData::Histogram(data)) => {
            data.data_points().map(|point| (attributes(point.attributes()), point.count())).collect()
        }
        AggregatedMetrics::U64(MetricData::Sum(data)) => {
            data.data_points().map(|point| (attributes(point.attributes()), point.value())).collect()
        }
        AggregatedMetrics::I64(MetricData::Sum(data)) => data
            .data_points()
            .map(|point| (attributes(point.attributes()), u64::try_from(point.value()).unwrap()))
            .collect(),
        other => panic!("unexpected data: {other:?}"),
    }
}

/// Converts attributes to text.
pub(crate) fn attributes<'a>(attributes: impl Iterator<Item = &'a KeyValue>) -> Attributes {
    attributes.map(|kv| (kv.key.to_string(), kv.value.to_string())).collect()
}

/// Returns expected attributes.
pub(crate) fn attributes_of<const N: usize>(pairs: [(&str, &str); N]) -> Attributes {
    pairs.into_iter().map(|(key, value)| (key.to_owned(), value.to_owned())).collect()
}
