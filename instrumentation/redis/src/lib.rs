//! Redis as a cachescope store, and telemetry for its client.
//!
//! [`Redis`] is a store of `cached(...)`. [`instrument`] gives a connection that is used without it the same telemetry,
//! and [`Instrument::pool`] a pool.

#[cfg(feature = "bb8")]
mod bb8;
#[cfg(feature = "cluster")]
mod cluster;
#[cfg(feature = "deadpool")]
mod deadpool;
mod failure;
mod instrument;
mod instrumented;
mod listening;
mod names;
mod nodes;
mod operation;
mod pool;
mod reconnecting;
mod scan;
mod script;
#[cfg(feature = "sentinel")]
mod sentinel;
mod source;
mod store;
#[cfg(feature = "tls")]
mod tls;
mod told;

#[cfg(feature = "bb8")]
pub use bb8_redis;
#[cfg(feature = "deadpool")]
pub use deadpool_redis;
pub use redis;

pub use crate::failure::error_kind;
pub use crate::instrument::{Instrument, instrument};
pub use crate::instrumented::Instrumented;
pub use crate::pool::{ConnectionPool, InstrumentedPool, Taken};
pub use crate::store::Redis;

/// The value of the attribute `cachescope.store`.
const KIND: &str = "redis";
