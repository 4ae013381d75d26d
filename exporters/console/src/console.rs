//! The settings, and what is made of them.

use std::io::{self, Write};
use std::sync::Arc;

use cachescope_core::{ExportedItem, Exports};

use crate::output::Output;
use crate::{Error, Format, MetricExporter, SpanExporter};

const FORMAT: &str = "CACHESCOPE_CONSOLE_FORMAT";

/// A writer, standard output unless set, and how it is written to. Its exporters share it.
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
/// assert_eq!(console.metric_exports().total_sent(), 1);
/// # Ok::<(), opentelemetry_sdk::error::OTelSdkError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Console {
    format: Format,
    output: Arc<Output>,
    metric_exports: Exports,
    span_exports: Exports,
}

impl Console {
    /// To standard output.
    #[must_use]
    pub fn new(format: Format) -> Self {
        Self {
            format,
            output: Arc::new(Output::new(io::stdout())),
            metric_exports: Exports::new("console_metric_exporter", ExportedItem::DataPoint),
            span_exports: Exports::new("console_span_exporter", ExportedItem::Span),
        }
    }

    /// Reads the process's environment.
    ///
    /// # Errors
    ///
    /// The variable has a value that can't be honoured.
    pub fn from_env() -> Result<Self, Error> {
        Self::from_lookup(&|name| std::env::var_os(name).map(|value| value.to_string_lossy().into_owned()))
    }

    /// Reads the variable through `lookup`, for defaults of one's own or for tests. Empty is unset.
    ///
    /// # Errors
    ///
    /// As for [`Console::from_env`].
    ///
    /// ```
    /// let wrong = |name: &str| (name == "CACHESCOPE_CONSOLE_FORMAT").then(|| "papyrus".to_owned());
    /// let error = cachescope_console::Console::from_lookup(&wrong).unwrap_err().to_string();
    /// assert_eq!(error, "CACHESCOPE_CONSOLE_FORMAT is \"papyrus\": expected table or json");
    /// ```
    pub fn from_lookup(lookup: &dyn Fn(&str) -> Option<String>) -> Result<Self, Error> {
        let set = lookup(FORMAT).map(|value| value.trim().to_owned()).filter(|value| !value.is_empty());
        let format = set.map_or_else(|| Ok(Format::default()), |value| value.parse());
        Ok(Self::new(format.map_err(|error: Error| error.of_variable(FORMAT))?))
    }

    /// Writes there instead. Exporters made before go on where they did.
    #[must_use]
    pub fn writer(mut self, writer: impl Write + Send + 'static) -> Self {
        self.output = Arc::new(Output::new(writer));
        self
    }

    /// Builds the exporter of metrics, for a `PeriodicReader`.
    #[must_use]
    pub fn metric_exporter(&self) -> MetricExporter {
        MetricExporter::new(self.format, Arc::clone(&self.output), self.metric_exports.clone())
    }

    /// Builds the exporter of spans, for a batch processor.
    #[must_use]
    pub fn span_exporter(&self) -> SpanExporter {
        SpanExporter::new(self.format, Arc::clone(&self.output), self.span_exports.clone())
    }

    /// Points of metrics written and dropped.
    #[must_use]
    pub fn metric_exports(&self) -> &Exports {
        &self.metric_exports
    }

    /// Spans written and dropped.
    #[must_use]
    pub fn span_exports(&self) -> &Exports {
        &self.span_exports
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_variable_is_read_and_empty_is_unset() {
        let read = |value: &str| Console::from_lookup(&|_| Some(value.to_owned())).map(|console| console.format);
        assert_eq!(read("JSON").unwrap(), Format::JsonLines);
        assert_eq!(read(" ").unwrap(), Format::Table);
        assert_eq!(Console::from_lookup(&|_| None).unwrap().format, Format::Table);
    }
}
