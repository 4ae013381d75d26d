//! The builder of the reader and the metrics handle.

use std::sync::Arc;

use opentelemetry_sdk::metrics::ManualReader;

use crate::options::Options;
use crate::{Error, Metrics, Reader};

/// Builds a reader and the handle that renders its metrics. Without options, [`exporter`] is shorter.
///
/// ```
/// use cachescope_prometheus::{Exporter, Format};
/// use opentelemetry::metrics::MeterProvider;
///
/// let (reader, metrics) = Exporter::new().scope_labels(false).created(false).build();
/// let meters = opentelemetry_sdk::metrics::SdkMeterProvider::builder().with_reader(reader).build();
/// meters.meter("shop").u64_counter("orders").build().add(3, &[]);
/// assert!(metrics.encode()?.contains("\norders_total 3\n"));
/// assert!(!metrics.encode_as(Format::OpenMetrics)?.contains("_created"));
/// # Ok::<(), cachescope_prometheus::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default)]
#[must_use = "nothing happens until `build` is called"]
pub struct Exporter {
    options: Options,
}

impl Exporter {
    /// Creates an exporter with the default options: everything is exposed.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets whether each series has labels of its instrumentation scope: `otel_scope_name` and the scope's other
    /// attributes. Default: `true`, as the specification requires. With `false`, of several series that differ only in
    /// their scope, only the first is exposed.
    pub fn scope_labels(mut self, scope_labels: bool) -> Self {
        self.options.scope_labels = scope_labels;
        self
    }

    /// Sets whether OpenMetrics has a `_created` series, with the start time of each counter and histogram. Default:
    /// `true`.
    ///
    /// With `--enable-feature=created-timestamp-zero-ingestion`, Prometheus uses it as the start of a counter.
    /// Otherwise Prometheus stores it as one more series for each counter and histogram.
    #[doc(alias = "created timestamp")]
    pub fn created(mut self, created: bool) -> Self {
        self.options.created = created;
        self
    }

    /// Builds the reader and the metrics handle. Two calls share nothing, so two meter providers of one process stay
    /// apart.
    pub fn build(self) -> (Reader, Metrics) {
        let reader = Arc::new(ManualReader::builder().build());
        (Reader::new(Arc::clone(&reader)), Metrics::new(reader, self.options))
    }
}

/// Builds a reader and the handle that renders its metrics, with default options. [`Exporter`] has options.
///
/// # Errors
///
/// None at present.
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
    Ok(Exporter::new().build())
}
