//! Tests of the Redis store, on real servers.

#![expect(clippy::unwrap_used, reason = "test helpers may panic")]

mod cancellation;
mod cluster;
mod contract;
mod in_memory_telemetry;
mod invalidations;
mod lease;
mod outage;
mod pools;
mod sentinel;
mod server;
mod size;
mod store;
mod telemetry;
mod tls;
