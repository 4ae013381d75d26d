//! OTLP exporters for the OpenTelemetry SDK, over HTTP and gRPC, which count and log failed deliveries.
//!
//! [`Otlp`] reads the standard `OTEL_EXPORTER_OTLP_*` variables, and builds a [`SpanExporter`] and a [`MetricExporter`]
//! for the OpenTelemetry SDK:
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
//! flavor. One worker thread of their own, `cachescope-otlp`, drives their sockets and timers. It starts with the first
//! exporter and ends with the last. A current-thread runtime is blocked while it flushes; it can't delay the flush that it
//! waits for.
//!
//! # Retries
//!
//! A request that may succeed later is retried: the collector is unreachable, or answers with HTTP 429, 502, 503 or 504,
//! or with the corresponding status of gRPC. The delays double from 0.2 to 5 s, less a random part, and are at least as
//! long as the collector asks (`Retry-After`, `RetryInfo`). Retries end when `OTEL_EXPORTER_OTLP_TIMEOUT` has passed.
//! Then:
//!
//! | telemetry | consequence |
//! |---|---|
//! | spans | dropped. Up to 2048 more wait in the queue ([`Otlp::span_queue`]), and newer spans are dropped |
//! | metrics, `cumulative` | dropped. The next interval's totals include them |
//! | metrics, `delta` or `lowmemory`, that certainly didn't arrive | kept, up to 8 MiB, and sent first at the next export |
//! | metrics, `delta` or `lowmemory`, that may have arrived | dropped at once, because a collector would count them twice |
//!
//! [`Otlp::stats`] counts dropped items by reason.
//!
//! # Logs
//!
//! Both signals share one state for each destination (scheme, host, port). The loss of a destination is one `warn!` of
//! `tracing`, and its recovery one `info!`. Exports that fail in between are silent. Logs contain no headers, credentials
//! or paths.
//!
//! # Cargo features
//!
//! - `tls`: `https://` endpoints and certificates. Off by default.

#![cfg_attr(docsrs, feature(doc_cfg))]

mod backlog;
mod client;
mod destination;
mod encoding;
mod endpoint;
mod error;
mod failure;
mod grpc_client;
mod histogram_aggregation;
mod http_client;
mod metric_exporter;
mod otlp;
mod partial_success;
mod payload;
mod protocol;
mod queue_slots;
mod raw_codec;
mod retry;
mod sender;
mod settings;
mod signal;
mod span_exporter;
mod span_queue;
mod tls;

pub use cachescope_exporter::{Delivery, FlushGuard};

pub use crate::error::Error;
pub use crate::histogram_aggregation::HistogramAggregation;
pub use crate::metric_exporter::MetricExporter;
pub use crate::otlp::Otlp;
pub use crate::span_exporter::SpanExporter;
pub use crate::span_queue::SpanQueue;

/// The user agent of every request.
const USER_AGENT: &str = concat!("cachescope-otlp/", env!("CARGO_PKG_VERSION"));
