//! The behaviour of a cache from outside, by a manual clock.

mod admission;
mod balance;
mod batch;
mod cleanup;
mod errors;
mod expiry;
mod loading;
mod observer;
mod peek;
mod refresh;
mod request;
#[cfg(feature = "shared")]
mod shared;
mod sink;
mod stale;
#[cfg(feature = "sync")]
mod sync;
mod telemetry;
mod until;
mod verbose;
mod wait_timeout;
