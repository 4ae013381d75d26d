//! The metric reader for the SDK.

use std::sync::{Arc, Weak};
use std::time::Duration;

use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::metrics::data::ResourceMetrics;
use opentelemetry_sdk::metrics::reader::MetricReader;
use opentelemetry_sdk::metrics::{InstrumentKind, ManualReader, Pipeline, Temporality};

/// The metric reader of the exporter. Add it to one meter provider: `SdkMeterProvider::builder().with_reader(reader)`.
///
/// The reader collects only when [`Metrics`](crate::Metrics) renders. Its sums are cumulative, as Prometheus requires.
#[derive(Debug)]
pub struct Reader(Arc<ManualReader>);

impl Reader {
    pub(crate) fn new(reader: Arc<ManualReader>) -> Self {
        Self(reader)
    }
}

impl MetricReader for Reader {
    fn register_pipeline(&self, pipeline: Weak<Pipeline>) {
        self.0.register_pipeline(pipeline);
    }

    fn collect(&self, rm: &mut ResourceMetrics) -> OTelSdkResult {
        self.0.collect(rm)
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.0.force_flush()
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.0.shutdown_with_timeout(timeout)
    }

    fn temporality(&self, _: InstrumentKind) -> Temporality {
        Temporality::Cumulative
    }
}
