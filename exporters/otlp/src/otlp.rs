use std::fmt;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use opentelemetry_otlp::tonic_types::metadata::MetadataMap;
use opentelemetry_otlp::{Compression, WithExportConfig, WithHttpConfig, WithTonicConfig};
use opentelemetry_sdk::metrics::Temporality;

use crate::destination::Destination;
use crate::driver::Driver;
use crate::http_client::ExportClient;
use crate::settings::{self, Lookup, Protocol, Settings, Signal};
use crate::watch::{LastFailure, Watch};
use crate::{Delivery, Error, MetricExporter, SpanExporter};

/// The OTLP exporters of a program, as the standard variables describe them.
///
/// Exporters made by the same `Otlp` share a worker thread and the knowledge whether a destination answers.
///
/// | variable (and its `_TRACES_` and `_METRICS_` forms) | values |
/// |---|---|
/// | `OTEL_EXPORTER_OTLP_ENDPOINT` | a URL; `http://localhost:4318`, for gRPC `http://localhost:4317` |
/// | `OTEL_EXPORTER_OTLP_PROTOCOL` | `http/protobuf` (default), `grpc` |
/// | `OTEL_EXPORTER_OTLP_HEADERS` | `name=value` pairs parted by commas, values percent-encoded |
/// | `OTEL_EXPORTER_OTLP_TIMEOUT` | milliseconds; 10000 |
/// | `OTEL_EXPORTER_OTLP_COMPRESSION` | `none` (default), `gzip` |
/// | `OTEL_EXPORTER_OTLP_INSECURE` | `true` allows a gRPC endpoint without a scheme to go without TLS |
/// | `OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE` | `cumulative` (default), `delta`, `lowmemory` |
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
    destinations: [Arc<Destination>; Signal::COUNT],
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
        Ok(Self {
            traces,
            metrics,
            temporality: settings::temporality(lookup)?,
            destinations: [of_traces, of_metrics],
            driver: Mutex::default(),
            delivery: Delivery::new(),
        })
    }

    /// Builds the exporter of spans. Opens no connection.
    ///
    /// # Errors
    ///
    /// The worker thread can't be started, or the client can't be built (with TLS: no root certificates).
    pub fn span_exporter(&self) -> Result<SpanExporter, Error> {
        let watch = self.watch(Signal::Traces, &self.traces)?;
        let settings = &self.traces;
        let builder = opentelemetry_otlp::SpanExporter::builder();
        let inner = match settings.protocol {
            Protocol::Grpc => watch.driver.enter(|| grpc(builder.with_tonic(), settings).build()),
            Protocol::HttpProtobuf => {
                let client = watch.driver.enter(|| ExportClient::new(watch.last_failure.clone()))?;
                http(builder.with_http(), settings, client).build()
            }
        };
        Ok(SpanExporter { inner: inner.map_err(|error| Error::build(&error))?, watch })
    }

    /// Builds the exporter of metrics. Opens no connection.
    ///
    /// # Errors
    ///
    /// As for [`Otlp::span_exporter`].
    pub fn metric_exporter(&self) -> Result<MetricExporter, Error> {
        let watch = self.watch(Signal::Metrics, &self.metrics)?;
        let settings = &self.metrics;
        let builder = opentelemetry_otlp::MetricExporter::builder().with_temporality(self.temporality);
        let inner = match settings.protocol {
            Protocol::Grpc => watch.driver.enter(|| grpc(builder.with_tonic(), settings).build()),
            Protocol::HttpProtobuf => {
                let client = watch.driver.enter(|| ExportClient::new(watch.last_failure.clone()))?;
                http(builder.with_http(), settings, client).build()
            }
        };
        Ok(MetricExporter { inner: inner.map_err(|error| Error::build(&error))?, watch })
    }

    /// The handle by which a shutdown gives up these exporters' requests when its deadline passes.
    #[must_use]
    pub fn delivery(&self) -> Delivery {
        self.delivery.clone()
    }

    fn watch(&self, signal: Signal, settings: &Settings) -> Result<Watch, Error> {
        Ok(Watch {
            signal,
            destination: Arc::clone(&self.destinations[signal.index()]),
            driver: self.driver()?,
            delivery: self.delivery.clone(),
            timeout: settings.timeout,
            last_failure: LastFailure::default(),
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

fn grpc<B: WithExportConfig + WithTonicConfig>(builder: B, settings: &Settings) -> B {
    let builder = builder
        .with_endpoint(&settings.endpoint.url)
        .with_timeout(settings.timeout)
        .with_metadata(MetadataMap::from_headers(settings.headers.clone()));
    if settings.gzip { WithTonicConfig::with_compression(builder, Compression::Gzip) } else { builder }
}

fn http<B: WithExportConfig + WithHttpConfig>(builder: B, settings: &Settings, client: ExportClient) -> B {
    let builder = builder
        .with_endpoint(&settings.endpoint.url)
        .with_protocol(opentelemetry_otlp::Protocol::HttpBinary)
        .with_timeout(settings.timeout)
        .with_http_client(client.with_headers(settings.headers.clone()));
    if settings.gzip { WithHttpConfig::with_compression(builder, Compression::Gzip) } else { builder }
}
