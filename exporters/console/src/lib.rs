//! Console exporters for cachescope: what the OpenTelemetry SDK measured, for eyes.
//!
//! ```no_run
//! use opentelemetry_sdk::{metrics::SdkMeterProvider, trace::SdkTracerProvider};
//!
//! let console = cachescope_console::Console::from_env()?;
//! let meters = SdkMeterProvider::builder().with_periodic_exporter(console.metric_exporter()).build();
//! let tracers = SdkTracerProvider::builder().with_batch_exporter(console.span_exporter()).build();
//! # Ok::<(), cachescope_console::Error>(())
//! ```
//!
//! Metrics are totals since the program began, one line a series; a histogram's is count, mean, median, 99th percentile
//! and largest value. Quantiles are estimated from the buckets, between their bounds. A span is one line, when it ended.
//!
//! # What it costs
//!
//! Everything is written where the SDK exports, on threads of its readers and processors, and under one lock, so that
//! lines don't mix. A writer that blocks, such as a pipe that nobody reads, holds those threads, and with a simple span
//! processor whoever ends a span. A writer that fails is said once with `tracing`, and once when it is good again; what
//! it didn't take is counted. Nothing panics.

mod clean;
mod console;
mod error;
mod format;
mod json;
mod metric_exporter;
mod number;
mod output;
mod quantity;
mod series;
mod span_exporter;
mod span_line;
mod spread;
mod table;

pub use console::Console;
pub use error::Error;
pub use format::Format;
pub use metric_exporter::MetricExporter;
pub use span_exporter::SpanExporter;
