//! The telemetry of caches and of database clients: counters, histograms, and how OpenTelemetry reports them.
//!
//! Applications use the `cachescope` crate. Depend on this crate to give a cache or a database client of your own the
//! same telemetry. It uses OpenTelemetry's API and never its SDK.
//!
//! From the bottom up: [`names`], the recorder's counting, the collection of all caches, [`Telemetry`], and on top
//! [`Recorder`] and [`db_client`]. A layer never imports a layer above it.

#![cfg_attr(docsrs, feature(doc_cfg))]

mod collection;
pub mod db_client;
mod instrument_builder;
pub mod names;
mod panic_guard;
mod per_provider;
mod recorder;
mod telemetry;
pub mod trace_summary;

pub use crate::collection::{CAPACITY_MULTIPLES, CacheRegistration, CacheSource, IdentityAttributes};
#[cfg(feature = "serde")]
pub use crate::recorder::PackedLayout;
pub use crate::recorder::{
    Counts, Durations, Histogram, HitCell, HitTiming, PackedCounts, Quantity, Recorder, Sizes, Totals,
};
pub use crate::telemetry::Telemetry;
