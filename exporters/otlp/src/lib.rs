//! OTLP exporters for cachescope, over HTTP and gRPC.
//!
//! [`Otlp`] reads the standard `OTEL_EXPORTER_OTLP_*` variables and builds a [`SpanExporter`] and a
//! [`MetricExporter`] to hand to the OpenTelemetry SDK:
//!
//! ```no_run
//! use opentelemetry_sdk::{metrics::SdkMeterProvider, trace::SdkTracerProvider};
//!
//! let otlp = cachescope_otlp::Otlp::from_env()?;
//! let tracers = SdkTracerProvider::builder().with_batch_exporter(otlp.span_exporter()?).build();
//! let meters = SdkMeterProvider::builder().with_periodic_exporter(otlp.metric_exporter()?).build();
//! # Ok::<(), cachescope_otlp::Error>(())
//! ```
//!
//! # Threads
//!
//! The exporters may be built, used and dropped on any thread: in a plain `main`, or inside a tokio runtime of any
//! flavour. What waits for the network is driven by one worker thread of their own, `cachescope-otlp`, made with the
//! first exporter and gone with the last. A program's runtime that is blocked, as a current-thread runtime is while it
//! flushes, therefore can't hold up the flush it waits for.
//!
//! # What is said about failures
//!
//! Both signals share one state for each destination (scheme, host, port). Losing it is one `warn!` of `tracing`,
//! getting it back one `info!`; in between, exports fail in silence. Neither names headers, credentials or paths.

mod delivery;
mod destination;
mod driver;
mod endpoint;
mod error;
mod http_client;
mod metric_exporter;
mod otlp;
mod settings;
mod span_exporter;
mod watch;

pub use delivery::Delivery;
pub use error::Error;
pub use metric_exporter::MetricExporter;
pub use otlp::Otlp;
pub use span_exporter::SpanExporter;
