//! The exporters with real sockets, in every kind of runtime that a program may have.

#![expect(clippy::unwrap_used, reason = "test helpers panic like the tests")]

mod accounting;
mod grpc_collector;
mod http_collector;
mod outage;
mod telemetry;
#[cfg(feature = "tls")]
mod tls;
mod wire_format;
