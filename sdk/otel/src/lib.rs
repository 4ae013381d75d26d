//! Sets up the OpenTelemetry SDK from the `OTEL_*` variables, and flushes it when the program ends.
//!
//! ```no_run
//! fn main() -> Result<(), Box<dyn std::error::Error>> {
//!     let _guard = cachescope_otel::init()?; // to the end of main
//!     // … the program; caches made by cachescope report to the global providers …
//!     Ok(())
//! }
//! ```
//!
//! [`init`] reads everything from the environment; [`Setup`] lets code decide what the environment leaves open, and
//! lists the variables. Dropping the [`Guard`] delivers what is left, within a deadline and on any kind of thread.
//! For providers of your own there are [`join`], [`CacheSampler`] and [`RollUp`].
//!
//! # Cargo features
//!
//! - `otlp`: the `otlp` exporter, over HTTP and gRPC.
//! - `prometheus`: the `prometheus` exporter and its server.
//! - `console`, `cloudwatch`, `emf`, `statsd`: the exporters of these names.
//! - `signals`: delivery when SIGTERM or Ctrl-C ends the process, on Unix.
//! - `tls`: `otlp` to `https://` endpoints, with the certificates the system trusts.
//!
//! All are off by default here; a variable that asks for one that is off is an error that says so.

mod deadline;
mod destination;
mod ending;
mod environment;
mod error;
mod exporter;
mod guard;
mod join;
mod propagation;
mod resource;
mod roll_up;
mod sampling;
mod setup;
#[cfg(feature = "signals")]
mod signals;
mod view;

pub use cachescope_core::{DropReason, ExportedItem, Exports, RequestResult};
pub use error::Error;
pub use exporter::{MetricExporter, TraceExporter};
pub use guard::Guard;
pub use join::join;
pub use roll_up::RollUp;
pub use sampling::{CacheSampler, ProbabilitySampler, SamplingRules};
pub use setup::{Setup, init};
#[cfg(feature = "signals")]
pub use signals::Signal;
pub use view::{CACHES, cardinality_view};
