//! The real parts that tests run against: built on first use, started on loopback, stopped by their pid.
//!
//! ```no_run
//! # fn main() -> anyhow::Result<()> {
//! use std::time::Duration;
//!
//! let stack = cachescope_harness::Stack::shared()?;
//! // ... send OTLP to stack.collector().otlp_http() ...
//! stack.prometheus().eventually("cachescope_requests_total", Duration::from_secs(10), |found| !found.is_empty())?;
//! # Ok(()) }
//! ```
//!
//! Every call to a part blocks its thread. From async code, call it in `spawn_blocking`. Nothing in this crate owns a
//! runtime, so creating or dropping a [`Stack`] inside one is slow but not an error.
//!
//! A test that kills, pauses or cuts off a server uses a private one, a [`Server`].
//!
//! # Adding a part
//!
//! A part is a file with a unit type that implements `Part`, an `impl Stack` with its accessor, and a line in
//! `stack::PARTS`. Its program is built by a `Recipe`, is a package of the operating system ([`program`]), or is made
//! available in `Part::program`. A part that is also a [`Server`] names its port for clients `client` and has a
//! constructor there.

mod answer;
mod browser;
mod cloudwatch;
mod collector;
mod command;
mod connection;
mod family;
mod http;
mod jaeger;
mod launch;
mod log;
mod mariadb;
mod mongodb;
mod once;
mod own_collector;
mod package;
mod part;
mod poll;
mod ports;
mod postgres;
mod probe;
mod process;
mod program;
mod prometheus;
mod proxy;
mod recipe;
mod redis;
mod redis_cluster;
mod run;
mod sample;
mod server;
mod shared;
mod span;
mod stack;
mod state;
mod statsd;
mod trace;
mod tree;
mod user;

pub use browser::Browser;
pub use cloudwatch::{Cloudwatch, CloudwatchDatum, CloudwatchRequest, CloudwatchStatistics};
pub use collector::{Collector, otelcol};
pub use jaeger::Jaeger;
pub use own_collector::OtlpProtocol;
pub use package::program;
pub use poll::eventually;
pub use program::{PartProgram, parts};
pub use prometheus::{Prometheus, promtool, scraping};
pub use redis_cluster::RedisCluster;
pub use run::cache_folder;
pub use sample::Sample;
pub use server::Server;
pub use span::{Event, Reference, Relation, Span};
pub use stack::Stack;
pub use state::Status;
pub use statsd::{StatsdServer, StatsdTimer, StatsdTotals};
pub use trace::Trace;
