//! The exporters against real sockets, in every kind of runtime a program may have.

#![expect(clippy::unwrap_used, reason = "helpers of tests panic as the tests do")]

mod books;
mod captured;
mod collector;
mod delivery;
mod formats;
mod grpc;
mod telemetry;
#[cfg(feature = "tls")]
mod tls;
