use std::sync::Arc;

use opentelemetry_sdk::metrics::ManualReader;

use crate::options::Options;
use crate::{Error, Metrics, Reader};

/// Makes a reader and the handle that renders what it reads; [`exporter`] does for most.
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
#[must_use = "nothing happens until it is built"]
pub struct Exporter {
    options: Options,
}

impl Exporter {
    /// One that shows everything.
    pub fn new() -> Self {
        Self::default()
    }

    /// Whether each series says by `otel_scope_name`, and what else its scope has, which library measured it. The
    /// specification wants it so; without, of series that differ in nothing else only the first is shown.
    pub fn scope_labels(mut self, scope_labels: bool) -> Self {
        self.options.scope_labels = scope_labels;
        self
    }

    /// Whether OpenMetrics shows since when each counter and histogram counts, as `_created`.
    ///
    /// A Prometheus with `--enable-feature=created-timestamp-zero-ingestion` learns from it where a counter began; one
    /// without keeps it as a series more for each counter and histogram.
    pub fn created(mut self, created: bool) -> Self {
        self.options.created = created;
        self
    }

    /// Both sides of the exporter. Each call has series of its own, so two meter providers of one process share none.
    pub fn build(self) -> (Reader, Metrics) {
        let reader = Arc::new(ManualReader::builder().build());
        (Reader::new(Arc::clone(&reader)), Metrics::new(reader, self.options))
    }
}

/// Makes a reader and the handle that renders what it reads, with everything shown. [`Exporter`] has the choices.
///
/// # Errors
///
/// None today.
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
