//! The exporters of a program, as the variables describe them.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use cachescope_core::{ExportedItem, Exports};
use opentelemetry_sdk::metrics::Temporality;
use opentelemetry_sdk::trace::BatchConfigBuilder;

use crate::destination::Destination;
use crate::driver::Driver;
use crate::grpc_client::GrpcClient;
use crate::http_client::HttpClient;
use crate::sender::{Client, Sender};
use crate::settings::{self, Lookup, Protocol, Settings, Signal};
use crate::span_queue::Room;
use crate::{Delivery, Error, HistogramAggregation, MetricExporter, SpanExporter, SpanQueue};

/// The OTLP exporters of a program, as the standard variables describe them.
///
/// Exporters made by the same `Otlp` share a worker thread and the knowledge whether a destination answers.
///
/// | variable (and its `_TRACES_` and `_METRICS_` forms) | values |
/// |---|---|
/// | `OTEL_EXPORTER_OTLP_ENDPOINT` | a URL; `http://localhost:4318`, for gRPC `http://localhost:4317` |
/// | `OTEL_EXPORTER_OTLP_PROTOCOL` | `http/protobuf` (default), `http/json`, `grpc` |
/// | `OTEL_EXPORTER_OTLP_HEADERS` | `name=value` pairs parted by commas, values percent-encoded |
/// | `OTEL_EXPORTER_OTLP_TIMEOUT` | milliseconds for an export with all its retries; 10000 |
/// | `OTEL_EXPORTER_OTLP_COMPRESSION` | `none` (default), `gzip` |
/// | `OTEL_EXPORTER_OTLP_CERTIFICATE` | a PEM file of authorities to trust, in place of the system's |
/// | `OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE`, `_CLIENT_KEY` | PEM files by which to be known to the collector |
/// | `OTEL_EXPORTER_OTLP_INSECURE` | `true` allows a gRPC endpoint without a scheme to go without TLS |
/// | `OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE` | `cumulative` (default), `delta`, `lowmemory` |
/// | `OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION` | `explicit_bucket_histogram` (default), `base2_exponential_bucket_histogram` |
/// | `OTEL_BSP_EXPORT_TIMEOUT`, `OTEL_METRIC_EXPORT_TIMEOUT` | milliseconds; counts where it is less than the one above |
///
/// Certificates need the cargo feature `tls`, and are read once, when this is made.
///
/// ```
/// let variables = |name: &str| match name {
///     "OTEL_EXPORTER_OTLP_PROTOCOL" => Some("grpc".to_owned()),
///     _ => None,
/// };
/// let otlp = cachescope_otlp::Otlp::from_lookup(&variables)?;
/// let spans = otlp.span_exporter()?; // no connection yet: the first export makes it
/// # Ok::<(), cachescope_otlp::Error>(())
/// ```
pub struct Otlp {
    traces: Settings,
    metrics: Settings,
    temporality: Temporality,
    aggregation: HistogramAggregation,
    destinations: [Arc<Destination>; Signal::COUNT],
    exports: [Exports; Signal::COUNT],
    driver: Mutex<Weak<Driver>>,
    delivery: Delivery,
}

impl Otlp {
    /// Reads the process's environment.
    ///
    /// # Errors
    ///
    /// A variable has a value that can't be honoured ([`Error::is_variable`]). Both signals' variables are checked,
    /// whichever is asked for later.
    pub fn from_env() -> Result<Self, Error> {
        Self::from_lookup(&|name| std::env::var_os(name).map(|value| value.to_string_lossy().into_owned()))
    }

    /// Reads variables through `lookup`, for defaults of one's own or for tests.
    ///
    /// # Errors
    ///
    /// As for [`Otlp::from_env`].
    pub fn from_lookup(lookup: &dyn Fn(&str) -> Option<String>) -> Result<Self, Error> {
        let lookup: Lookup<'_> = lookup;
        let traces = Settings::read(lookup, Signal::Traces)?;
        let metrics = Settings::read(lookup, Signal::Metrics)?;
        let of_traces = Arc::new(Destination::new(traces.endpoint.destination.clone()));
        let of_metrics = if traces.endpoint.destination == metrics.endpoint.destination {
            Arc::clone(&of_traces)
        } else {
            Arc::new(Destination::new(metrics.endpoint.destination.clone()))
        };
        let temporality = settings::temporality(lookup)?;
        let aggregation = HistogramAggregation::read(lookup)?;
        say_what_is_without_effect([&traces, &metrics]);
        let exports = [
            Exports::new(component(Signal::Traces, traces.protocol), ExportedItem::Span),
            Exports::new(component(Signal::Metrics, metrics.protocol), ExportedItem::DataPoint),
        ];
        Ok(Self {
            traces,
            metrics,
            temporality,
            aggregation,
            destinations: [of_traces, of_metrics],
            exports,
            driver: Mutex::default(),
            delivery: Delivery::new(),
        })
    }

    /// Builds the exporter of spans. Opens no connection.
    ///
    /// # Errors
    ///
    /// The worker thread can't be started, or the client can't be built (with TLS: no root certificates, or a file that
    /// is none of what it says).
    pub fn span_exporter(&self) -> Result<SpanExporter, Error> {
        Ok(SpanExporter::new(self.sender(Signal::Traces)?, None))
    }

    /// Builds a processor that exports spans in batches, in place of a `BatchSpanProcessor` around
    /// [`Otlp::span_exporter`]: it counts the spans for which there was no room among those that wait, `places` at most
    /// (the specification's default is 2048). One thread of the SDK's.
    ///
    /// # Errors
    ///
    /// As for [`Otlp::span_exporter`].
    ///
    /// # Panics
    ///
    /// If the operating system refuses the SDK its thread.
    ///
    /// ```
    /// use opentelemetry_sdk::trace::{BatchConfigBuilder, SdkTracerProvider};
    ///
    /// let otlp = cachescope_otlp::Otlp::from_lookup(&|_| None)?;
    /// let queue = otlp.span_queue(BatchConfigBuilder::default(), 2048)?;
    /// let tracers = SdkTracerProvider::builder().with_span_processor(queue).build();
    /// assert_eq!(otlp.span_exports().total_dropped(), 0);
    /// # Ok::<(), cachescope_otlp::Error>(())
    /// ```
    pub fn span_queue(&self, batch: BatchConfigBuilder, places: usize) -> Result<SpanQueue, Error> {
        let room = Room::new(places);
        let exporter = SpanExporter::new(self.sender(Signal::Traces)?, Some(Arc::clone(&room)));
        Ok(SpanQueue::new(exporter, room, batch))
    }

    /// Builds the exporter of metrics. Opens no connection.
    ///
    /// # Errors
    ///
    /// As for [`Otlp::span_exporter`].
    pub fn metric_exporter(&self) -> Result<MetricExporter, Error> {
        Ok(MetricExporter::new(self.sender(Signal::Metrics)?, self.temporality))
    }

    /// What histograms are to become; for a view of whoever builds the meter provider.
    #[must_use]
    pub fn default_histogram_aggregation(&self) -> HistogramAggregation {
        self.aggregation
    }

    /// What the exporters of both signals have sent, dropped and tried again.
    ///
    /// ```
    /// # use opentelemetry::metrics::MeterProvider;
    /// # let meters = opentelemetry_sdk::metrics::SdkMeterProvider::default();
    /// let otlp = cachescope_otlp::Otlp::from_lookup(&|_| None)?;
    /// for exports in otlp.exports() {
    ///     exports.observe(&meters.meter("my exporters"));
    /// }
    /// # Ok::<(), cachescope_otlp::Error>(())
    /// ```
    #[must_use]
    pub fn exports(&self) -> &[Exports; 2] {
        &self.exports
    }

    /// What the exporters of spans have sent, dropped and tried again.
    #[must_use]
    pub fn span_exports(&self) -> &Exports {
        &self.exports[Signal::Traces.index()]
    }

    /// What the exporters of metrics have sent, dropped and tried again, in points.
    #[must_use]
    pub fn metric_exports(&self) -> &Exports {
        &self.exports[Signal::Metrics.index()]
    }

    /// The handle by which a shutdown gives up these exporters' requests when its deadline passes.
    #[must_use]
    pub fn delivery(&self) -> Delivery {
        self.delivery.clone()
    }

    fn sender(&self, signal: Signal) -> Result<Sender, Error> {
        let settings = match signal {
            Signal::Traces => &self.traces,
            Signal::Metrics => &self.metrics,
        };
        let driver = self.driver()?;
        let encoding = settings.encoding();
        // So that a host that swallows packets is known for unreachable before time is up.
        let connect = settings.timeout / 2;
        let client = driver.enter(|| match settings.protocol {
            Protocol::Grpc => GrpcClient::new(settings, signal, connect).map(|client| Client::Grpc(Box::new(client))),
            Protocol::HttpProtobuf | Protocol::HttpJson => {
                HttpClient::new(settings, encoding, connect).map(Client::Http)
            }
        })?;
        Ok(Sender {
            signal,
            destination: Arc::clone(&self.destinations[signal.index()]),
            driver,
            delivery: self.delivery.clone(),
            timeout: settings.timeout,
            encoding,
            client,
            exports: self.exports[signal.index()].clone(),
        })
    }

    /// The exporters own the driver, so that it goes with the last of them, not with this description of them.
    fn driver(&self) -> Result<Arc<Driver>, Error> {
        let mut driver = self.driver.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(running) = driver.upgrade() {
            return Ok(running);
        }
        let started = Arc::new(Driver::start()?);
        *driver = Arc::downgrade(&started);
        Ok(started)
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

/// As OpenTelemetry's conventions call it.
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

fn say_what_is_without_effect(signals: [&Settings; Signal::COUNT]) {
    let mut said = Vec::new();
    for settings in signals {
        for name in settings.without_effect().iter().filter(|name| signals.iter().all(|s| !s.honours(name))) {
            if !said.contains(&name) {
                said.push(name);
                tracing::warn!(
                    "{name} is set and has no effect: {} doesn't begin with https://",
                    settings.endpoint.destination
                );
            }
        }
    }
}
