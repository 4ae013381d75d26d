//! The settings, and the exporters built from them.

use std::io::{self, Write};
use std::sync::Arc;

use cachescope_exporter::{ExportedItem, ExporterStats, Variables, process_variable};

use crate::output::Output;
use crate::{Error, Format, MetricExporter, SpanExporter};

const FORMAT: &str = "CACHESCOPE_CONSOLE_FORMAT";

/// Configures and builds the console exporters. They share one writer, by default standard output.
///
/// | variable | values |
/// |---|---|
/// | `CACHESCOPE_CONSOLE_FORMAT` | `table` (default), `json` |
///
/// ```
/// use cachescope_console::{Console, Format};
/// use opentelemetry::metrics::MeterProvider;
/// use opentelemetry_sdk::metrics::SdkMeterProvider;
///
/// let console = Console::new(Format::JsonLines).writer(std::io::stderr());
/// let meters = SdkMeterProvider::builder().with_periodic_exporter(console.metric_exporter()).build();
/// meters.meter("shop").u64_counter("orders").build().add(3, &[]);
/// meters.shutdown()?;
/// assert_eq!(console.metric_stats().total_sent(), 1);
/// # Ok::<(), opentelemetry_sdk::error::OTelSdkError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Console {
    format: Format,
    output: Arc<Output>,
    metric_stats: ExporterStats,
    span_stats: ExporterStats,
}

impl Console {
    /// Creates a console that writes to standard output.
    #[must_use]
    pub fn new(format: Format) -> Self {
        Self {
            format,
            output: Arc::new(Output::new(io::stdout())),
            metric_stats: ExporterStats::new("console_metric_exporter", ExportedItem::DataPoint),
            span_stats: ExporterStats::new("console_span_exporter", ExportedItem::Span),
        }
    }

    /// Creates a console from the process's environment.
    ///
    /// # Errors
    ///
    /// The variable has a value that isn't accepted.
    pub fn from_env() -> Result<Self, Error> {
        Self::from_lookup(&process_variable)
    }

    /// Creates a console from variables that are read through `lookup`, for your own defaults or for tests. An empty
    /// value counts as unset.
    ///
    /// # Errors
    ///
    /// As for [`Console::from_env`].
    ///
    /// ```
    /// let wrong = |name: &str| (name == "CACHESCOPE_CONSOLE_FORMAT").then(|| "papyrus".to_owned());
    /// let error = cachescope_console::Console::from_lookup(&wrong).unwrap_err().to_string();
    /// assert_eq!(error, "CACHESCOPE_CONSOLE_FORMAT must be table or json, got \"papyrus\"");
    /// ```
    pub fn from_lookup(lookup: &dyn Fn(&str) -> Option<String>) -> Result<Self, Error> {
        let set = Variables::new(lookup).get(FORMAT);
        let format = set.map_or_else(|| Ok(Format::default()), |value| value.parse());
        Ok(Self::new(format.map_err(|error: Error| error.for_setting(FORMAT))?))
    }

    /// Sets the writer. Exporters that were built before keep their writer.
    #[must_use]
    pub fn writer(mut self, writer: impl Write + Send + 'static) -> Self {
        self.output = Arc::new(Output::new(writer));
        self
    }

    /// Builds the metric exporter, for a `PeriodicReader`.
    #[must_use]
    pub fn metric_exporter(&self) -> MetricExporter {
        MetricExporter::new(self.format, Arc::clone(&self.output), self.metric_stats.clone())
    }

    /// Builds the span exporter, for a batch span processor.
    #[must_use]
    pub fn span_exporter(&self) -> SpanExporter {
        SpanExporter::new(self.format, Arc::clone(&self.output), self.span_stats.clone())
    }

    /// Returns the counts of data points written and dropped.
    #[must_use]
    pub fn metric_stats(&self) -> &ExporterStats {
        &self.metric_stats
    }

    /// Returns the counts of spans written and dropped.
    #[must_use]
    pub fn span_stats(&self) -> &ExporterStats {
        &self.span_stats
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn format_comes_from_the_variable_and_empty_counts_as_unset() {
        let read = |value: &str| Console::from_lookup(&|_| Some(value.to_owned())).map(|console| console.format);
        assert_eq!(read("JSON").unwrap(), Format::JsonLines);
        assert_eq!(read(" ").unwrap(), Format::Table);
        assert_eq!(Console::from_lookup(&|_| None).unwrap().format, Format::Table);
    }
}
