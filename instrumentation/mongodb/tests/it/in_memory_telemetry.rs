//! Telemetry exported by the OpenTelemetry SDK, in memory.

use std::collections::BTreeMap;

use cachescope_telemetry::Telemetry;
use opentelemetry::KeyValue;
use opentelemetry_sdk::metrics::data::{AggregatedMetrics, MetricData};
use opentelemetry_sdk::metrics::{InMemoryMetricExporter, PeriodicReader, SdkMeterProvider};
use opentelemetry_sdk::trace::{InMemorySpanExporter, SdkTracerProvider, SpanData};

/// Providers that export into memory.
pub(crate) struct InMemoryTelemetry {
    /// Kept alive, as an application keeps the global one. Metrics of a closed pool are exported while it is alive.
    telemetry: Telemetry,
    meters: SdkMeterProvider,
    pub(crate) traces: SdkTracerProvider,
    metrics: InMemoryMetricExporter,
    spans: InMemorySpanExporter,
}

pub(crate) type Attributes = BTreeMap<String, String>;

impl InMemoryTelemetry {
    pub(crate) fn new() -> Self {
        let (metrics, spans) = (InMemoryMetricExporter::default(), InMemorySpanExporter::default());
        let meters = SdkMeterProvider::builder().with_reader(PeriodicReader::builder(metrics.clone()).build()).build();
        let traces = SdkTracerProvider::builder().with_simple_exporter(spans.clone()).build();
        let telemetry = Telemetry::new(meters.clone(), traces.clone());
        Self { telemetry, meters, traces, metrics, spans }
    }

    pub(crate) fn telemetry(&self) -> Telemetry {
        self.telemetry.clone()
    }

    /// Collects the points of a metric, sorted by attributes: the value, or the count and sum of a histogram.
    pub(crate) fn points(&self, metric: &str) -> Vec<(Attributes, f64, f64)> {
        self.metrics.reset();
        self.meters.force_flush().unwrap();
        let collected = self.metrics.get_finished_metrics().unwrap();
        let all = collected.last().into_iter().flat_map(|resource| resource.scope_metrics());
        let found = all.flat_map(|scope| scope.metrics()).find(|found| found.name() == metric);
        let mut points = found.map_or_else(Vec::new, |found| match found.data() {
            AggregatedMetrics::F64(data) => points_of(data, |value| value),
            AggregatedMetrics::U64(data) => points_of(data, |value| value as f64),
            AggregatedMetrics::I64(data) => points_of(data, |value| value as f64),
        });
        points.sort_by(|one, other| one.0.cmp(&other.0));
        points
    }

    /// Returns the value of a metric's point with this attribute.
    pub(crate) fn value(&self, metric: &str, attribute: (&str, &str)) -> Option<f64> {
        let (name, expected) = attribute;
        let points = self.points(metric).into_iter();
        points.filter(|point| point.0.get(name).is_some_and(|value| value == expected)).map(|point| point.1).next()
    }

    pub(crate) fn spans(&self) -> Vec<SpanData> {
        self.spans.get_finished_spans().unwrap()
    }
}

pub(crate) fn attributes<'a>(all: impl IntoIterator<Item = &'a KeyValue>) -> Attributes {
    all.into_iter().map(|kv| (kv.key.to_string(), kv.value.to_string())).collect()
}

fn points_of<T: Copy>(data: &MetricData<T>, number: fn(T) -> f64) -> Vec<(Attributes, f64, f64)> {
    match data {
        MetricData::Sum(sum) => {
            sum.data_points().map(|point| (attributes(point.attributes()), number(point.value()), 0.0)).collect()
        }
        MetricData::Histogram(histogram) => histogram
            .data_points()
            .map(|point| (attributes(point.attributes()), point.count() as f64, number(point.sum())))
            .collect(),
        MetricData::Gauge(_) | MetricData::ExponentialHistogram(_) => panic!("clients have none"),
    }
}
