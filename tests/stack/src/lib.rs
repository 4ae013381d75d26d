//! The real parts tests run against: built on first use, started on loopback, stopped by their own pid.
//!
//! ```no_run
//! # fn main() -> anyhow::Result<()> {
//! use std::time::Duration;
//!
//! let stack = cachescope_stack::Stack::shared()?;
//! // ... send OTLP to stack.collector().otlp_http() ...
//! stack.prometheus().eventually("cachescope_requests_total", Duration::from_secs(10), |found| !found.is_empty())?;
//! # Ok(()) }
//! ```
//!
//! Every call that asks a part something blocks its thread. From async code, call it in `spawn_blocking`; nothing in
//! here owns a runtime, so making and dropping a [`Stack`] inside one is merely slow, not an error.
//!
//! # Adding a part
//!
//! One file with a unit type that implements `Part` and an `impl Stack` with its accessor, and one line in
//! `stack::PARTS` (and its `mod` below). A part that is not built by Go can get its program any way it likes in
//! `Part::program`.

mod answer;
mod collector;
mod http;
mod jaeger;
mod launch;
mod log;
mod part;
mod poll;
mod ports;
mod process;
mod prometheus;
mod recipe;
mod run;
mod sample;
mod shared;
mod span;
mod stack;
mod state;
mod trace;

pub use collector::Collector;
pub use jaeger::Jaeger;
pub use poll::eventually;
pub use prometheus::Prometheus;
pub use run::cache_folder;
pub use sample::Sample;
pub use span::{Event, Reference, Relation, Span};
pub use stack::Stack;
pub use state::Status;
pub use trace::Trace;
