//! Redis as a store, on real servers.

#![expect(clippy::unwrap_used, reason = "helpers of tests panic as the tests do")]

mod cluster;
mod contract;
mod dropped;
mod exported;
mod lease;
mod listening;
mod outage;
mod pools;
mod sentinel;
mod server;
mod size;
mod store;
mod telemetry;
mod tls;
