//! Redis as a cachescope store, and telemetry for its client.
//!
//! [`Redis`] is a shared store of `cached(...)`. [`instrument`] adds the same telemetry to a connection that is used
//! directly, and [`Instrumentation::pool`] to a pool.

#![cfg_attr(docsrs, feature(doc_cfg))]

#[cfg(feature = "bb8")]
mod bb8;
#[cfg(feature = "cluster")]
mod cluster;
mod connection_pool;
mod connection_source;
#[cfg(feature = "deadpool")]
mod deadpool;
mod error;
mod instrument;
mod instrumented;
mod instrumented_connection;
mod instrumented_pool;
mod invalidations;
mod key_names;
mod node;
mod operation;
mod pool_source;
mod pooled_connection;
mod reconnecting;
mod scan;
mod script;
#[cfg(feature = "sentinel")]
mod sentinel;
mod store;
#[cfg(feature = "tls")]
mod tls;
mod topology;

#[cfg(feature = "bb8")]
pub use bb8_redis;
#[cfg(feature = "deadpool")]
pub use deadpool_redis;
pub use redis;

pub use crate::connection_pool::ConnectionPool;
pub use crate::error::error_kind;
pub use crate::instrument::{Instrumentation, instrument};
pub use crate::instrumented::Instrumented;
pub use crate::instrumented_pool::InstrumentedPool;
pub use crate::pooled_connection::PooledConnection;
pub use crate::store::Redis;

/// The value of the `cachescope.store` attribute.
const KIND: &str = "redis";
