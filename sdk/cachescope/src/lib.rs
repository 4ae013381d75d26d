//! Wrap a call with [`cached()`], and see in OpenTelemetry what the cache did.
//!
//! ```
//! use std::time::Duration;
//! use cachescope::cached;
//!
//! # async fn query(id: u64) -> String { format!("user {id}") }
//! # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
//! let user = cached("user.by_id", |id: u64| query(id)).stale_after(Duration::from_secs(60)).build();
//!
//! assert_eq!(user.call(7).await, "user 7"); // runs the query
//! assert_eq!(user.call(7).await, "user 7"); // doesn't
//!
//! let stats = user.metrics().stats();
//! assert_eq!((stats.hits(), stats.misses()), (1, 1));
//! # });
//! ```
//!
//! [`cached()`] wraps a function that always returns a value, [`try_cached`] one that returns a `Result`.
//! Requests for one key that arrive while it is being loaded share the load. Telemetry goes to
//! OpenTelemetry's global providers, whenever they are set up; `cachescope::otel` (feature `otel`) sets
//! them up in one call.

mod admission;
mod amount;
mod answer;
mod background;
mod batch;
mod books;
mod bounds;
mod builder;
mod cached;
#[cfg(feature = "get-size")]
mod deep_size;
mod default_store;
mod engine;
mod error;
mod errors;
#[cfg(feature = "fleet")]
mod fleet;
mod flight;
mod housekeeping;
mod insight;
mod live;
mod load;
mod load_limit;
mod loader;
mod look_up;
mod manner;
mod metrics;
mod miss;
mod policy;
mod request;
mod seen;
mod settings;
#[cfg(feature = "shared")]
mod shared;
#[cfg(not(feature = "shared"))]
#[path = "unshared.rs"]
mod shared;
mod sink;
mod spans;
mod switch;
#[cfg(feature = "sync")]
pub mod sync;
mod tags;
mod verbose;
mod watched;
mod within;

pub use crate::builder::{Builder, cached, try_cached};
pub use crate::cached::Cached;
#[cfg(feature = "get-size")]
pub use crate::deep_size::deep_size;
pub use crate::error::CallError;
#[cfg(feature = "fleet")]
pub use crate::fleet::{Fleet, FleetInstance, FleetMember, FleetStats, FleetView, Publishing};
pub use crate::insight::{
    Advice, Amplification, Curve, CurvePoint, Doubt, Gain, HotKey, HotKeys, Insight, LifetimePoint, Lifetimes, Rule,
};
pub use crate::live::{Caches, LiveCache, caches};
pub use crate::manner::{Async, Manner};
pub use crate::metrics::{CacheMetrics, Rates, Snapshot, Stats, Window};
#[cfg(feature = "persist")]
pub use crate::metrics::{MetricsFile, MetricsStore, Persistence};
pub use crate::request::{Fallible, Loads, Present, Request, Value};
pub use crate::seen::Seen;
pub use crate::settings::{Settings, set_defaults};
pub use crate::sink::{MetricsSink, Sending, send_metrics_to};
pub use crate::switch::{Disabled, disable, disabled, enable};

#[cfg(feature = "shared")]
pub use cachescope_core::shared::{
    ByteStore, Cipher, Codec, Json, LeaseToken, Leased, Notice, Notices, Postcard, Scope, Shared, StoreError,
    StoreFuture, StoreKey, StoreSize, Tiered,
};
#[cfg(feature = "shared")]
pub use cachescope_core::{BeforeShared, ByJson, NoMemory};
pub use cachescope_core::{
    CAPACITY_MULTIPLES, Clock, ClockHands, ConfigError, Cost, Durations, Ending, Entry, Event, EvictionReason,
    Evictions, Failure, HashedKey, HashedRef, HitTiming, Identity, IntoStore, Labels, Levels, LoadOutcome, LoadTrigger,
    Measured, MissReason, Naming, Observer, Operation, Quantity, RejectionReason, RequestResult, Simulator, Sizes,
    StaleEvent, Store, StoreErrorKind, Telemetry, Tier, Unshared, WaitOutcome, WaitScope, names,
};
#[cfg(feature = "file")]
pub use cachescope_file::FileStore;
#[cfg(feature = "macros")]
pub use cachescope_macros::cached;
#[cfg(feature = "moka")]
pub use cachescope_moka::{Moka, MokaStore};
#[cfg(feature = "mongodb")]
pub use cachescope_mongodb::MongoDb;
#[cfg(feature = "quick_cache")]
pub use cachescope_quick_cache::{QuickCache, QuickCacheStore};
#[cfg(feature = "redis")]
pub use cachescope_redis::Redis;
#[cfg(feature = "mysql")]
pub use cachescope_sqlx::MySql;
#[cfg(feature = "postgres")]
pub use cachescope_sqlx::Postgres;
#[cfg(feature = "sqlite")]
pub use cachescope_sqlx::Sqlite;
/// The trait [`deep_size`] goes by.
#[cfg(feature = "get-size")]
pub use get_size2::GetSize;

#[cfg(feature = "messagepack")]
pub use cachescope_core::shared::MessagePack;
/// MongoDB: its store's driver, and telemetry for that alone.
#[cfg(feature = "mongodb")]
pub use cachescope_mongodb as mongodb;
/// Set-up of the OpenTelemetry SDK from the `OTEL_*` variables.
#[cfg(feature = "otel")]
pub use cachescope_otel as otel;
/// The Prometheus exporter: a registry to mount, and a small server.
#[cfg(feature = "prometheus")]
pub use cachescope_prometheus as prometheus;
/// Redis: its store's connections, and telemetry for the client alone.
#[cfg(feature = "redis")]
pub use cachescope_redis as redis;
/// sqlx: telemetry for its pools and queries alone.
#[cfg(any(feature = "sqlite", feature = "postgres", feature = "mysql"))]
pub use cachescope_sqlx as sqlx;
