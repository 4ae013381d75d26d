//! What a cache does, seen from outside, by a clock that tests move.

mod admission;
mod batch;
mod expiry;
mod request;
mod stale;
mod telemetry;
mod waiting;
