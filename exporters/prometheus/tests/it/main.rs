//! The output for Prometheus: as text, as OpenMetrics and over a socket.

#![expect(clippy::unwrap_used, reason = "helpers of tests panic as the tests do")]

mod compatibility;
mod dropped_points;
mod exponential;
mod frameworks;
mod openmetrics;
mod server;
mod text;
#[cfg(feature = "tls")]
mod tls;
