//! What Prometheus reads, as text, as OpenMetrics and over a socket.

#![expect(clippy::unwrap_used, reason = "helpers of tests panic as the tests do")]

mod alike;
mod exponential;
mod frameworks;
mod left_out;
mod openmetrics;
mod server;
mod text;
#[cfg(feature = "tls")]
mod tls;
