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
//! # When a collector doesn't take it
//!
//! What may succeed later, as OTLP has it (nobody listens; HTTP 429, 502, 503, 504; the like of gRPC), is tried again
//! until `OTEL_EXPORTER_OTLP_TIMEOUT` is up, after pauses that double from 0.2 to 5 s less a random part, and not before
//! the collector says (`Retry-After`, `RetryInfo`). Then:
//!
//! | what | becomes of it |
//! |---|---|
//! | spans | dropped; up to 2048 more wait behind them ([`Otlp::span_queue`]), and newer ones are dropped |
//! | running totals (`cumulative`) | dropped, and the next interval's total says the same and more |
//! | differences (`delta`, `lowmemory`) that surely did not arrive | kept, up to 8 MiB, and sent first the next time |
//! | differences that may have arrived | dropped, at once, for a collector would count them twice |
//!
//! Whatever is dropped is counted by reason in [`Otlp::exports`].
//!
//! # What is said about failures
//!
//! Both signals share one state for each destination (scheme, host, port). Losing it is one `warn!` of `tracing`,
//! getting it back one `info!`; in between, exports fail in silence. Neither names headers, credentials or paths.

mod aggregation;
mod answer;
mod backlog;
mod backoff;
mod codec;
mod delivery;
mod destination;
mod driver;
mod endpoint;
mod error;
mod failure;
mod grpc_client;
mod http_client;
mod metric_exporter;
mod otlp;
mod payload;
mod sender;
mod settings;
mod span_exporter;
mod span_queue;
mod tls;

pub use aggregation::HistogramAggregation;
pub use delivery::{Delivery, Hurry};
pub use error::Error;
pub use metric_exporter::MetricExporter;
pub use otlp::Otlp;
pub use span_exporter::SpanExporter;
pub use span_queue::SpanQueue;

/// By which a collector's operator knows us.
const USER_AGENT: &str = concat!("cachescope-otlp/", env!("CARGO_PKG_VERSION"));
