#![doc = include_str!("guide/crate.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod builder;
mod cached;
mod default_store;
mod engine;
mod entry_info;
mod error;
#[cfg(feature = "fleet")]
pub mod fleet;
#[cfg(any(doc, doctest))]
pub mod guide;
pub mod insight;
mod l2;
pub mod metrics;
mod mode;
mod process;
pub mod request;
#[cfg(feature = "shared")]
pub mod shared;
pub mod store;
#[cfg(feature = "sync")]
pub mod sync;
mod telemetry;

pub use crate::builder::{Builder, cached, try_cached};
pub use crate::cached::Cached;
pub use crate::error::CallError;
pub use crate::insight::Insight;
pub use crate::metrics::{Stats, Window};
pub use crate::process::defaults::{Settings, set_defaults};
pub use crate::process::registry::caches;
pub use crate::process::switch::{DisableGuard, disable, disabled, enable};
pub use crate::request::Request;
#[cfg(all(feature = "shared", feature = "moka"))]
pub use crate::shared::TieredCached;
#[cfg(feature = "shared")]
pub use crate::shared::{Shared, SharedCached, StoreError, Tiered};
pub use cachescope_core::{Clock, ConfigError, ManualClock};
#[cfg(feature = "file")]
pub use cachescope_file::FileStore;
#[cfg(feature = "macros")]
pub use cachescope_macros::cached;
#[cfg(feature = "moka")]
pub use cachescope_moka::Moka;
#[cfg(feature = "mongodb")]
pub use cachescope_mongodb::MongoDb;
#[cfg(feature = "quick_cache")]
pub use cachescope_quick_cache::QuickCache;
#[cfg(feature = "redis")]
pub use cachescope_redis::Redis;
#[cfg(feature = "mysql")]
pub use cachescope_sqlx::MySql;
#[cfg(feature = "postgres")]
pub use cachescope_sqlx::Postgres;
#[cfg(feature = "sqlite")]
pub use cachescope_sqlx::Sqlite;
pub use cachescope_telemetry::Telemetry;

/// MongoDB: the connections of the store, and the telemetry of the bare client.
#[cfg(feature = "mongodb")]
pub use cachescope_mongodb as mongodb;
/// The set-up of the OpenTelemetry SDK from the `OTEL_*` variables.
#[cfg(feature = "otel")]
pub use cachescope_otel as otel;
/// The Prometheus exporter: a page to mount in your own server, and a small server.
#[cfg(feature = "prometheus")]
pub use cachescope_prometheus as prometheus;
/// Redis: the connections of the store, and the telemetry of the bare client.
#[cfg(feature = "redis")]
pub use cachescope_redis as redis;
/// sqlx: the telemetry of bare pools and queries.
#[cfg(any(feature = "sqlite", feature = "postgres", feature = "mysql"))]
pub use cachescope_sqlx as sqlx;
