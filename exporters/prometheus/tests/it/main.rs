//! What Prometheus reads, as text and over a socket.

#![expect(clippy::unwrap_used, reason = "helpers of tests panic as the tests do")]

mod server;
mod text;
