use std::sync::Weak;
use std::time::Duration;

use opentelemetry_prometheus::PrometheusExporter;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::metrics::data::ResourceMetrics;
use opentelemetry_sdk::metrics::reader::MetricReader;
use opentelemetry_sdk::metrics::{InstrumentKind, Pipeline, Temporality};

use crate::{Error, Metrics};

/// The side of the exporter that goes into a meter provider, once: `SdkMeterProvider::builder().with_reader(reader)`.
///
/// Collects when [`Metrics`] is asked to render, never on its own; its sums are cumulative, as Prometheus wants.
#[derive(Debug)]
pub struct Reader(PrometheusExporter);

/// Makes a reader and the handle that renders what it reads.
///
/// Each call has a registry of its own, so that two meter providers in one process don't share series.
///
/// # Errors
///
/// None that is known; the underlying registration is fallible in principle.
///
/// ```
/// use opentelemetry::metrics::MeterProvider;
///
/// let (reader, metrics) = cachescope_prometheus::exporter()?;
/// let meters = opentelemetry_sdk::metrics::SdkMeterProvider::builder().with_reader(reader).build();
/// meters.meter("shop").u64_counter("orders").build().add(3, &[]);
/// assert!(metrics.encode()?.contains("orders_total{otel_scope_name=\"shop\"} 3"));
/// # Ok::<(), cachescope_prometheus::Error>(())
/// ```
pub fn exporter() -> Result<(Reader, Metrics), Error> {
    // Without one of our own the builder makes a registry nobody can reach.
    let registry = prometheus::Registry::new();
    let exporter = opentelemetry_prometheus::exporter()
        .with_registry(registry.clone())
        .build()
        .map_err(|error| Error::register(&error))?;
    Ok((Reader(exporter), Metrics::new(registry)))
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

    fn temporality(&self, kind: InstrumentKind) -> Temporality {
        self.0.temporality(kind)
    }
}
