//! MongoDB as a store, on a real server for each test: FerretDB, which needs Go to be built on first use.

#![expect(clippy::unwrap_used, reason = "helpers of tests panic as the tests do")]

mod at_once;
mod contract;
mod documents;
mod exported;
mod limits;
mod outage;
mod server;
mod telemetry;
mod time;
