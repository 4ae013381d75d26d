use std::time::Duration;

use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::metrics::Temporality;
use opentelemetry_sdk::metrics::data::ResourceMetrics;
use opentelemetry_sdk::metrics::exporter::PushMetricExporter;

use crate::watch::Watch;

/// Sends metrics over OTLP; made by [`Otlp::metric_exporter`](crate::Otlp::metric_exporter).
///
/// Hand it to a `PeriodicReader`, as `with_periodic_exporter` does: an export waits for the collector, up to
/// `OTEL_EXPORTER_OTLP_TIMEOUT` (10 s unless set), retries included.
#[derive(Debug)]
pub struct MetricExporter {
    pub(crate) inner: opentelemetry_otlp::MetricExporter,
    pub(crate) watch: Watch,
}

impl PushMetricExporter for MetricExporter {
    async fn export(&self, metrics: &ResourceMetrics) -> OTelSdkResult {
        self.watch.export(self.inner.export(metrics)).await
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.inner.force_flush()
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.inner.shutdown_with_timeout(timeout)
    }

    fn temporality(&self) -> Temporality {
        self.inner.temporality()
    }
}
