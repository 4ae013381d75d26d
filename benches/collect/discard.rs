//! An exporter that discards data and keeps only the series of the first collection.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use opentelemetry::KeyValue;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::metrics::Temporality;
use opentelemetry_sdk::metrics::data::{AggregatedMetrics, MetricData, ResourceMetrics};
use opentelemetry_sdk::metrics::exporter::PushMetricExporter;

/// Discards collected data, except for the series of the first collection.
#[derive(Clone, Default)]
pub(crate) struct Discard {
    first: Arc<Mutex<Vec<Shape>>>,
}

/// The name, kind and attribute sets of an observed metric.
#[derive(Clone)]
pub(crate) struct Shape {
    pub(crate) name: String,
    pub(crate) is_gauge: bool,
    pub(crate) sets: Vec<Vec<KeyValue>>,
}

impl Discard {
    /// Returns the metrics that the first collection observed.
    pub(crate) fn shapes(&self) -> Vec<Shape> {
        self.first.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl PushMetricExporter for Discard {
    async fn export(&self, metrics: &ResourceMetrics) -> OTelSdkResult {
        let mut first = self.first.lock().unwrap_or_else(PoisonError::into_inner);
        // Only once, because later collections are timed.
        if first.is_empty() {
            let metrics = metrics.scope_metrics().flat_map(|scope| scope.metrics());
            first.extend(metrics.filter_map(|metric| {
                let (is_gauge, sets) = match metric.data() {
                    AggregatedMetrics::F64(data) => sets(data)?,
                    AggregatedMetrics::U64(data) => sets(data)?,
                    AggregatedMetrics::I64(data) => sets(data)?,
                };
                Some(Shape { name: metric.name().to_owned(), is_gauge, sets })
            }));
        }
        Ok(())
    }

    fn force_flush(&self) -> OTelSdkResult {
        Ok(())
    }

    fn shutdown_with_timeout(&self, _: Duration) -> OTelSdkResult {
        Ok(())
    }

    fn temporality(&self) -> Temporality {
        Temporality::Cumulative
    }
}

/// Returns the attribute sets of an observed metric, and whether it is a gauge. Returns `None` for histograms, because
/// they are recorded instead of observed.
fn sets<T>(data: &MetricData<T>) -> Option<(bool, Vec<Vec<KeyValue>>)> {
    match data {
        MetricData::Sum(sum) => {
            Some((false, sum.data_points().map(|point| point.attributes().cloned().collect()).collect()))
        }
        MetricData::Gauge(gauge) => {
            Some((true, gauge.data_points().map(|point| point.attributes().cloned().collect()).collect()))
        }
        MetricData::Histogram(_) | MetricData::ExponentialHistogram(_) => None,
    }
}
