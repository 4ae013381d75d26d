//! Console exporters for cachescope: prints the metrics and spans of the OpenTelemetry SDK for people to read.
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
//! Metrics are totals since the start of the program, one line per series. A histogram's line has the count, the mean,
//! the median, the 99th percentile and the largest value. Quantiles are estimated by interpolation within the buckets.
//! A span is printed as one line when it is exported.
//!
//! # Costs and failures
//!
//! Output is written on the threads of the SDK's readers and processors, under one lock, so lines don't mix. A writer
//! that blocks, such as a pipe without a reader, blocks these threads. With a simple span processor it also blocks the
//! code that ends a span.
//!
//! If the writer fails, the first failure and the recovery are logged with `tracing`, and the lost items are counted.
//! Nothing panics.

#![cfg_attr(docsrs, feature(doc_cfg))]

mod console;
mod escape;
mod format;
mod histogram_summary;
mod json;
mod metric_exporter;
mod output;
mod point_value;
mod quantity;
mod series;
mod span_exporter;
mod span_line;
mod table;

pub use cachescope_exporter::ConfigError as Error;
pub use console::Console;
pub use format::Format;
pub use metric_exporter::MetricExporter;
pub use span_exporter::SpanExporter;
