//! Sets up the OpenTelemetry SDK for cachescope from the `OTEL_*` variables, and flushes it when the program ends.
//!
//! ```no_run
//! fn main() -> Result<(), Box<dyn std::error::Error>> {
//!     let _guard = cachescope_otel::init()?; // keep it until the end of main
//!     // the program: caches report to the global providers
//!     Ok(())
//! }
//! ```
//!
//! [`init`] reads everything from the environment. [`Setup`] lets code set what the environment leaves open, and lists
//! the variables. Dropping the [`Guard`] delivers the remaining telemetry within a deadline, on any kind of thread.
//!
//! A program that builds its own providers uses [`configure_meters`], [`CacheSampler`] and [`TraceSummaryProcessor`].
//!
//! # Cargo features
//!
//! - `otlp`: the `otlp` exporter, over HTTP and gRPC.
//! - `prometheus`: the `prometheus` exporter and its server.
//! - `console`, `cloudwatch`, `emf`, `statsd`: the exporters of these names.
//! - `signals`: delivers telemetry when SIGTERM or Ctrl-C ends the process. Unix only.
//! - `tls`: `otlp` to `https://` endpoints, with the certificates that the system trusts; a Prometheus endpoint over
//!   HTTPS.
//!
//! All features are off by default. A variable that selects an exporter without its feature is an error that names the
//! feature.

#![cfg_attr(docsrs, feature(doc_cfg))]

mod configure_meters;
mod destination;
mod environment;
mod error;
mod exporter;
mod guard;
mod jobs;
mod propagation;
mod resource;
mod sampling;
mod setup;
mod shutdown;
#[cfg(feature = "signals")]
mod signals;
mod trace_summary;
mod view;

pub use cachescope_core::RequestResult;
pub use cachescope_exporter::{DropReason, ExportedItem, ExporterStats};
pub use configure_meters::configure_meters;
pub use error::Error;
pub use exporter::{MetricExporter, TraceExporter};
pub use guard::Guard;
pub use sampling::{CacheSampler, ProbabilitySampler, SamplingRules};
pub use setup::{Setup, init};
#[cfg(feature = "signals")]
pub use signals::Signal;
pub use trace_summary::TraceSummaryProcessor;
pub use view::{DEFAULT_MAX_CACHES, cardinality_view};
