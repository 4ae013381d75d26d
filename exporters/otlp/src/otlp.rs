use std::fmt;
use std::sync::Arc;

use cachescope_exporter::{Delivery, ExportedItem, ExporterStats, SharedRuntime, Variables, process_variable};
use opentelemetry_sdk::metrics::Temporality;
use opentelemetry_sdk::trace::BatchConfigBuilder;

use crate::client::Client;
use crate::destination::Destination;
use crate::grpc_client::GrpcClient;
use crate::http_client::HttpClient;
use crate::protocol::Protocol;
use crate::queue_slots::QueueSlots;
use crate::sender::Sender;
use crate::settings::{self, Settings};
use crate::signal::Signal;
use crate::{Error, HistogramAggregation, MetricExporter, SpanExporter, SpanQueue};

/// Builds the OTLP exporters of a program, from the standard environment variables.
///
/// Exporters built by the same `Otlp` share a worker thread, and the state of each destination.
///
/// | variable (and its `_TRACES_` and `_METRICS_` forms) | values |
/// |---|---|
/// | `OTEL_EXPORTER_OTLP_ENDPOINT` | a URL; `http://localhost:4318`, for gRPC `http://localhost:4317` |
/// | `OTEL_EXPORTER_OTLP_PROTOCOL` | `http/protobuf` (default), `http/json`, `grpc` |
/// | `OTEL_EXPORTER_OTLP_HEADERS` | `name=value` pairs separated by commas, values percent-encoded |
/// | `OTEL_EXPORTER_OTLP_TIMEOUT` | the time limit in milliseconds for an export with all its retries; 10000 |
/// | `OTEL_EXPORTER_OTLP_COMPRESSION` | `none` (default), `gzip` |
/// | `OTEL_EXPORTER_OTLP_CERTIFICATE` | a PEM file of certificate authorities to trust, instead of the system's |
/// | `OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE`, `_CLIENT_KEY` | PEM files of the client certificate and its key |
/// | `OTEL_EXPORTER_OTLP_INSECURE` | `true` allows a gRPC endpoint without a scheme to go without TLS |
/// | `OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE` | `cumulative` (default), `delta`, `lowmemory` |
/// | `OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION` | `explicit_bucket_histogram` (default), `base2_exponential_bucket_histogram` |
/// | `OTEL_BSP_EXPORT_TIMEOUT`, `OTEL_METRIC_EXPORT_TIMEOUT` | milliseconds; the limit if it is less than `OTEL_EXPORTER_OTLP_TIMEOUT` |
///
/// Certificates need the cargo feature `tls`. The files are read once, when `Otlp` is created.
///
/// ```
/// let variables = |name: &str| match name {
///     "OTEL_EXPORTER_OTLP_PROTOCOL" => Some("grpc".to_owned()),
///     _ => None,
/// };
/// let otlp = cachescope_otlp::Otlp::from_lookup(&variables)?;
/// let spans = otlp.span_exporter()?; // the first export connects
/// # Ok::<(), cachescope_otlp::Error>(())
/// ```
pub struct Otlp {
    traces: Settings,
    metrics: Settings,
    temporality: Temporality,
    aggregation: HistogramAggregation,
    destinations: [Arc<Destination>; Signal::COUNT],
    stats: [ExporterStats; Signal::COUNT],
    runtime: SharedRuntime,
    delivery: Delivery,
}

impl Otlp {
    /// Reads the variables of the process's environment.
    ///
    /// # Errors
    ///
    /// A variable has a value that isn't valid ([`Error::is_config`]). The variables of both signals are checked,
    /// whichever exporters are built later.
    pub fn from_env() -> Result<Self, Error> {
        Self::from_lookup(&process_variable)
    }

    /// Reads variables through `lookup`, for your own defaults or for tests.
    ///
    /// # Errors
    ///
    /// As for [`Otlp::from_env`].
    pub fn from_lookup(lookup: &dyn Fn(&str) -> Option<String>) -> Result<Self, Error> {
        let variables = Variables::new(lookup);
        let traces = Settings::read(variables, Signal::Traces)?;
        let metrics = Settings::read(variables, Signal::Metrics)?;
        let of_traces = Arc::new(Destination::new(traces.endpoint.destination.clone()));
        let of_metrics = if traces.endpoint.destination == metrics.endpoint.destination {
            Arc::clone(&of_traces)
        } else {
            Arc::new(Destination::new(metrics.endpoint.destination.clone()))
        };
        let temporality = settings::temporality(variables)?;
        let aggregation = HistogramAggregation::read(variables)?;
        warn_of_variables_without_effect([&traces, &metrics]);
        let stats = [
            ExporterStats::new(component(Signal::Traces, traces.protocol), ExportedItem::Span),
            ExporterStats::new(component(Signal::Metrics, metrics.protocol), ExportedItem::DataPoint),
        ];
        Ok(Self {
            traces,
            metrics,
            temporality,
            aggregation,
            destinations: [of_traces, of_metrics],
            stats,
            runtime: SharedRuntime::new("cachescope-otlp"),
            delivery: Delivery::new(),
        })
    }

    /// Builds the span exporter. Opens no connection.
    ///
    /// # Errors
    ///
    /// The worker thread can't be started ([`Error::is_thread`]), or the client can't be built: with TLS, because there are
    /// no root certificates, or a file holds no valid certificate or key.
    pub fn span_exporter(&self) -> Result<SpanExporter, Error> {
        Ok(SpanExporter::new(self.sender(Signal::Traces)?, None))
    }

    /// Builds a processor that exports spans in batches, for use instead of a `BatchSpanProcessor` with
    /// [`Otlp::span_exporter`]. It counts the spans that are dropped because its queue is full.
    ///
    /// The queue holds `capacity` spans; the specification's default is 2048. The SDK runs one thread for it.
    ///
    /// # Errors
    ///
    /// As for [`Otlp::span_exporter`].
    ///
    /// # Panics
    ///
    /// The operating system refuses the thread of the SDK.
    ///
    /// ```
    /// use opentelemetry_sdk::trace::{BatchConfigBuilder, SdkTracerProvider};
    ///
    /// let otlp = cachescope_otlp::Otlp::from_lookup(&|_| None)?;
    /// let queue = otlp.span_queue(BatchConfigBuilder::default(), 2048)?;
    /// let tracers = SdkTracerProvider::builder().with_span_processor(queue).build();
    /// assert_eq!(otlp.span_stats().total_dropped(), 0);
    /// # Ok::<(), cachescope_otlp::Error>(())
    /// ```
    pub fn span_queue(&self, batch: BatchConfigBuilder, capacity: usize) -> Result<SpanQueue, Error> {
        let slots = QueueSlots::new(capacity);
        let exporter = SpanExporter::new(self.sender(Signal::Traces)?, Some(Arc::clone(&slots)));
        Ok(SpanQueue::new(exporter, slots, batch))
    }

    /// Builds the metric exporter. Opens no connection.
    ///
    /// # Errors
    ///
    /// As for [`Otlp::span_exporter`].
    pub fn metric_exporter(&self) -> Result<MetricExporter, Error> {
        Ok(MetricExporter::new(self.sender(Signal::Metrics)?, self.temporality))
    }

    /// Returns the default aggregation of histograms. The exporter doesn't apply it: set it in a view of the meter
    /// provider.
    #[must_use]
    pub fn default_histogram_aggregation(&self) -> HistogramAggregation {
        self.aggregation
    }

    /// Returns the counts of items that the exporters of each signal have sent, dropped and retried.
    ///
    /// ```
    /// # use opentelemetry::metrics::MeterProvider;
    /// # let meters = opentelemetry_sdk::metrics::SdkMeterProvider::default();
    /// let otlp = cachescope_otlp::Otlp::from_lookup(&|_| None)?;
    /// for stats in otlp.stats() {
    ///     stats.observe(&meters.meter("my exporters"));
    /// }
    /// # Ok::<(), cachescope_otlp::Error>(())
    /// ```
    #[must_use]
    pub fn stats(&self) -> &[ExporterStats; 2] {
        &self.stats
    }

    /// Returns the counts of spans that the span exporters have sent, dropped and retried.
    #[must_use]
    pub fn span_stats(&self) -> &ExporterStats {
        &self.stats[Signal::Traces.index()]
    }

    /// Returns the counts of data points that the metric exporters have sent, dropped and retried.
    #[must_use]
    pub fn metric_stats(&self) -> &ExporterStats {
        &self.stats[Signal::Metrics.index()]
    }

    /// Returns the handle on the requests of these exporters, for a flush or shutdown with a deadline.
    ///
    /// ```
    /// let otlp = cachescope_otlp::Otlp::from_lookup(&|_| None)?;
    /// let delivery = otlp.delivery();
    /// delivery.begin_shutdown();
    /// // ... the deadline passes while the collector doesn't answer:
    /// delivery.give_up();
    /// # Ok::<(), cachescope_otlp::Error>(())
    /// ```
    #[must_use]
    pub fn delivery(&self) -> Delivery {
        self.delivery.clone()
    }

    fn sender(&self, signal: Signal) -> Result<Sender, Error> {
        let settings = match signal {
            Signal::Traces => &self.traces,
            Signal::Metrics => &self.metrics,
        };
        // The exporters own the runtime, so that it ends with the last of them.
        let runtime = self.runtime.get().map_err(Error::thread)?;
        let encoding = settings.encoding();
        // Half the timeout, so that a host that swallows packets counts as unreachable before the timeout.
        let connect = settings.timeout / 2;
        let client = runtime.enter(|| match settings.protocol {
            Protocol::Grpc => GrpcClient::new(settings, signal, connect).map(|client| Client::Grpc(Box::new(client))),
            Protocol::HttpProtobuf | Protocol::HttpJson => {
                HttpClient::new(settings, encoding, connect).map(Client::Http)
            }
        })?;
        Ok(Sender {
            signal,
            destination: Arc::clone(&self.destinations[signal.index()]),
            runtime,
            delivery: self.delivery.clone(),
            timeout: settings.timeout,
            encoding,
            client,
            stats: self.stats[signal.index()].clone(),
        })
    }
}

impl fmt::Debug for Otlp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Otlp")
            .field("traces", &self.traces)
            .field("metrics", &self.metrics)
            .field("temporality", &self.temporality)
            .finish_non_exhaustive()
    }
}

/// Returns the component type of OpenTelemetry's semantic conventions.
const fn component(signal: Signal, protocol: Protocol) -> &'static str {
    match (signal, protocol) {
        (Signal::Traces, Protocol::Grpc) => "otlp_grpc_span_exporter",
        (Signal::Traces, Protocol::HttpProtobuf) => "otlp_http_span_exporter",
        (Signal::Traces, Protocol::HttpJson) => "otlp_http_json_span_exporter",
        (Signal::Metrics, Protocol::Grpc) => "otlp_grpc_metric_exporter",
        (Signal::Metrics, Protocol::HttpProtobuf) => "otlp_http_metric_exporter",
        (Signal::Metrics, Protocol::HttpJson) => "otlp_http_json_metric_exporter",
    }
}

/// Logs a warning for each TLS variable that is set and has no effect on any signal.
fn warn_of_variables_without_effect(signals: [&Settings; Signal::COUNT]) {
    let mut warned = Vec::new();
    for settings in signals {
        for name in settings.without_effect().iter().filter(|name| signals.iter().all(|s| !s.uses(name))) {
            if !warned.contains(&name) {
                warned.push(name);
                tracing::warn!(
                    "{name} is set but has no effect: {} isn't an https:// endpoint",
                    settings.endpoint.destination
                );
            }
        }
    }
}
