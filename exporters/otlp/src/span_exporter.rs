use std::time::Duration;

use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{SpanData, SpanExporter as Export};

use crate::watch::Watch;

/// Sends spans over OTLP; made by [`Otlp::span_exporter`](crate::Otlp::span_exporter).
///
/// Hand it to a `BatchSpanProcessor`, as `with_batch_exporter` does: an export waits for the collector, up to
/// `OTEL_EXPORTER_OTLP_TIMEOUT` (10 s unless set), retries included.
#[derive(Debug)]
pub struct SpanExporter {
    pub(crate) inner: opentelemetry_otlp::SpanExporter,
    pub(crate) watch: Watch,
}

impl Export for SpanExporter {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        self.watch.export(self.inner.export(batch)).await
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.inner.shutdown_with_timeout(timeout)
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.inner.force_flush()
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.inner.set_resource(resource);
    }
}
