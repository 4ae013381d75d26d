//! An OpenTelemetry SDK that exports into memory, for tests.

use std::collections::BTreeMap;

use opentelemetry::KeyValue;
use opentelemetry_sdk::metrics::data::{AggregatedMetrics, MetricData};
use opentelemetry_sdk::metrics::{InMemoryMetricExporter, PeriodicReader, SdkMeterProvider};
use opentelemetry_sdk::trace::{InMemorySpanExporter, SdkTracerProvider, SpanData};

use crate::names;
use crate::telemetry::Telemetry;

/// The SDK's providers, and their exporters into memory.
pub(super) struct InMemorySdk {
    pub(super) meters: SdkMeterProvider,
    pub(super) traces: SdkTracerProvider,
    metrics: InMemoryMetricExporter,
    spans: InMemorySpanExporter,
}

/// An exported data point, in a form that can be compared.
#[derive(Debug, PartialEq)]
pub(super) struct Point {
    pub(super) metric: String,
    pub(super) instrument: &'static str,
    pub(super) unit: String,
    pub(super) brief: String,
    pub(super) attributes: Attributes,
    /// For a histogram, its count.
    pub(super) value: f64,
    /// For a histogram.
    pub(super) sum: f64,
    pub(super) boundaries: Vec<f64>,
}

pub(super) type Attributes = BTreeMap<String, String>;

impl Default for InMemorySdk {
    fn default() -> Self {
        let (metrics, spans) = (InMemoryMetricExporter::default(), InMemorySpanExporter::default());
        Self {
            meters: SdkMeterProvider::builder().with_reader(PeriodicReader::builder(metrics.clone()).build()).build(),
            traces: SdkTracerProvider::builder().with_simple_exporter(spans.clone()).build(),
            metrics,
            spans,
        }
    }
}

impl InMemorySdk {
    pub(super) fn telemetry(&self) -> Telemetry {
        Telemetry::new(self.meters.clone(), self.traces.clone())
    }

    /// Collects, and returns all data points of this crate.
    pub(super) fn points(&self) -> Vec<Point> {
        self.metrics.reset();
        self.meters.force_flush().unwrap();
        let collected = self.metrics.get_finished_metrics().unwrap();
        let scopes = collected.last().into_iter().flat_map(|resource| resource.scope_metrics());
        let metrics = scopes.filter(|scope| scope.scope().name() == names::SCOPE).flat_map(|scope| scope.metrics());
        let mut points = Vec::new();
        for metric in metrics {
            let of_metric = match metric.data() {
                AggregatedMetrics::F64(data) => points_of(data, |value| value),
                AggregatedMetrics::U64(data) => points_of(data, |value| value as f64),
                AggregatedMetrics::I64(data) => points_of(data, |value| value as f64),
            };
            points.extend(of_metric.into_iter().map(|point| Point {
                metric: metric.name().to_owned(),
                unit: metric.unit().to_owned(),
                brief: metric.description().to_owned(),
                ..point
            }));
        }
        points
    }

    /// Returns the values of one metric, by attributes.
    pub(super) fn values(&self, metric: &str) -> Vec<(Attributes, f64)> {
        let points = self.points().into_iter().filter(|point| point.metric == metric);
        let mut values: Vec<_> = points.map(|point| (point.attributes, point.value)).collect();
        values.sort_by(|one, other| one.0.cmp(&other.0));
        values
    }

    /// Returns all spans that have ended.
    pub(super) fn spans(&self) -> Vec<SpanData> {
        self.spans.get_finished_spans().unwrap()
    }
}

pub(super) fn attributes<'a>(all: impl IntoIterator<Item = &'a KeyValue>) -> Attributes {
    let mut attributes = Attributes::new();
    for kv in all {
        assert_eq!(attributes.insert(kv.key.to_string(), kv.value.to_string()), None, "{} is there twice", kv.key);
    }
    attributes
}

pub(super) fn attribute_map<const N: usize>(all: [(&str, &str); N]) -> Attributes {
    all.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

fn points_of<T: Copy>(data: &MetricData<T>, number: fn(T) -> f64) -> Vec<Point> {
    let point = |instrument, all: &mut dyn Iterator<Item = &KeyValue>, value| Point {
        metric: String::new(),
        instrument,
        unit: String::new(),
        brief: String::new(),
        attributes: attributes(all),
        value,
        sum: 0.0,
        boundaries: Vec::new(),
    };
    match data {
        MetricData::Sum(sum) => {
            let instrument = if sum.is_monotonic() { "counter" } else { "updowncounter" };
            sum.data_points().map(|p| point(instrument, &mut p.attributes(), number(p.value()))).collect()
        }
        MetricData::Histogram(histogram) => histogram
            .data_points()
            .map(|p| Point {
                sum: number(p.sum()),
                boundaries: p.bounds().collect(),
                ..point("histogram", &mut p.attributes(), p.count() as f64)
            })
            .collect(),
        MetricData::Gauge(_) | MetricData::ExponentialHistogram(_) => panic!("clients have none"),
    }
}
