//! What a cache does, seen from outside, by a clock that tests move.

mod admission;
mod balance;
mod batch;
mod errors;
mod expiry;
mod housekeeping;
mod loading;
mod looking;
mod observer;
mod patience;
mod renewing;
mod request;
#[cfg(feature = "shared")]
mod shared;
mod sink;
mod stale;
#[cfg(feature = "sync")]
mod sync;
mod telemetry;
mod verbose;
mod waiting;
