//! Tests of the MongoDB store, each on a real server: FerretDB, which needs Go for the build on first use.

#![expect(clippy::unwrap_used, reason = "test helpers may panic")]

mod concurrency;
mod contract;
mod documents;
mod in_memory_telemetry;
mod limits;
mod outage;
mod server;
mod telemetry;
mod time;
