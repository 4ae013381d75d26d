//! An SDK that exports into memory, with its data in a form that can be compared.

use std::collections::BTreeMap;

use anyhow::Context;
use cachescope::Telemetry;
use cachescope::otel::TraceSummaryProcessor;
use opentelemetry::KeyValue;
use opentelemetry_sdk::metrics::data::{AggregatedMetrics, MetricData, ResourceMetrics};
use opentelemetry_sdk::metrics::{InMemoryMetricExporter, PeriodicReader, SdkMeterProvider};
use opentelemetry_sdk::trace::{InMemorySpanExporter, SdkTracerProvider, SimpleSpanProcessor, SpanData};

/// Providers of the SDK that export into memory.
#[derive(Debug, Clone)]
pub struct InMemory {
    /// The meter provider.
    pub meters: SdkMeterProvider,
    /// The tracer provider; it samples what its parent samples, and every root.
    pub traces: SdkTracerProvider,
    metrics: InMemoryMetricExporter,
    spans: InMemorySpanExporter,
}

/// An exported data point.
#[derive(Debug, Clone, PartialEq)]
pub struct Point {
    /// The name of the metric.
    pub metric: String,
    /// The instrument, as the conventions name it.
    pub instrument: &'static str,
    /// The unit of the metric.
    pub unit: String,
    /// The description of the metric.
    pub brief: String,
    /// The attributes.
    pub attributes: BTreeMap<String, String>,
    /// The value; of a histogram, the count.
    pub value: f64,
}

impl Default for InMemory {
    fn default() -> Self {
        let (metrics, spans) = (InMemoryMetricExporter::default(), InMemorySpanExporter::default());
        let processor = TraceSummaryProcessor::new(SimpleSpanProcessor::new(spans.clone()));
        Self {
            meters: SdkMeterProvider::builder().with_reader(PeriodicReader::builder(metrics.clone()).build()).build(),
            traces: SdkTracerProvider::builder().with_span_processor(processor).build(),
            metrics,
            spans,
        }
    }
}

impl InMemory {
    /// The telemetry for a cache.
    #[must_use]
    pub fn telemetry(&self) -> Telemetry {
        Telemetry::new(self.meters.clone(), self.traces.clone())
    }

    /// Collects, and returns every data point of cachescope.
    ///
    /// # Errors
    /// If the SDK can't collect.
    pub fn points(&self) -> anyhow::Result<Vec<Point>> {
        Ok(points(self.collect()?.last().context("nothing was collected")?))
    }

    fn collect(&self) -> anyhow::Result<Vec<ResourceMetrics>> {
        self.metrics.reset();
        self.meters.force_flush()?;
        Ok(self.metrics.get_finished_metrics()?)
    }

    /// Collects, and returns the bucket boundaries of a histogram.
    ///
    /// # Errors
    /// If the SDK can't collect, or there is no such histogram.
    pub fn boundaries(&self, histogram: &str) -> anyhow::Result<Vec<f64>> {
        let collected = self.collect()?;
        let metrics = collected.iter().flat_map(|resource| resource.scope_metrics()).flat_map(|scope| scope.metrics());
        let found = metrics.filter(|metric| metric.name() == histogram).find_map(|metric| match metric.data() {
            AggregatedMetrics::F64(MetricData::Histogram(data)) => Some(data.data_points().next()?.bounds().collect()),
            _ => None,
        });
        found.with_context(|| format!("no histogram {histogram}"))
    }

    /// Returns every ended span.
    ///
    /// # Errors
    /// If the SDK was shut down.
    pub fn spans(&self) -> anyhow::Result<Vec<SpanData>> {
        Ok(self.spans.get_finished_spans()?)
    }
}

/// Returns attributes as text.
pub fn attributes<'a>(attributes: impl Iterator<Item = &'a KeyValue>) -> BTreeMap<String, String> {
    attributes.map(|kv| (kv.key.to_string(), kv.value.to_string())).collect()
}

fn points(collected: &ResourceMetrics) -> Vec<Point> {
    let scopes = collected.scope_metrics().filter(|scope| scope.scope().name() == cachescope::metrics::names::SCOPE);
    let mut points = Vec::new();
    for metric in scopes.flat_map(|scope| scope.metrics()) {
        let (instrument, values) = match metric.data() {
            AggregatedMetrics::F64(data) => values(data, |value| value),
            AggregatedMetrics::U64(data) => values(data, |value| value as f64),
            AggregatedMetrics::I64(data) => values(data, |value| value as f64),
        };
        points.extend(values.into_iter().map(|(attributes, value)| Point {
            metric: metric.name().to_owned(),
            instrument,
            unit: metric.unit().to_owned(),
            brief: metric.description().to_owned(),
            attributes,
            value,
        }));
    }
    points
}

type Values = Vec<(BTreeMap<String, String>, f64)>;

fn values<T: Copy>(data: &MetricData<T>, number: fn(T) -> f64) -> (&'static str, Values) {
    match data {
        MetricData::Sum(sum) => {
            let kind = if sum.is_monotonic() { "counter" } else { "updowncounter" };
            (kind, sum.data_points().map(|point| (attributes(point.attributes()), number(point.value()))).collect())
        }
        MetricData::Gauge(gauge) => (
            "gauge",
            gauge.data_points().map(|point| (attributes(point.attributes()), number(point.value()))).collect(),
        ),
        MetricData::Histogram(histogram) => (
            "histogram",
            histogram.data_points().map(|point| (attributes(point.attributes()), point.count() as f64)).collect(),
        ),
        MetricData::ExponentialHistogram(histogram) => (
            "histogram",
            histogram.data_points().map(|point| (attributes(point.attributes()), point.count() as f64)).collect(),
        ),
    }
}
