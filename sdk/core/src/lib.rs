//! The contract that stores for cachescope are written against.
//!
//! Applications use the `cachescope` crate, which re-exports the items that applications need. Depend on this crate to
//! write a store, or a simulator of its eviction policy. The crate has no dependency on OpenTelemetry, so it doesn't
//! change with OpenTelemetry's versions.

#![cfg_attr(docsrs, feature(doc_cfg))]

mod error;
mod event;
mod identity;
mod outcome;
mod request_outcome;
#[cfg(feature = "shared")]
pub mod shared;
mod simulator;
mod store;
mod time;

pub use crate::error::ConfigError;
pub use crate::event::{Event, Observer, notify};
pub use crate::identity::{CacheIdentity, Labels};
pub use crate::outcome::{
    EvictionReason, Failure, LoadOutcome, LoadTrigger, MissReason, Operation, RejectionReason, RequestResult,
    StaleEvent, StoreErrorKind, Tier, WaitOutcome, WaitScope,
};
pub use crate::request_outcome::RequestOutcome;
pub use crate::simulator::{KeySlab, Simulator, SlotRing};
pub use crate::store::{
    Entry, EvictionListener, Evictions, HashedKey, HashedRef, IntoStore, KeyEncoding, LoadCost, NoKeys,
    PrehashedBuildHasher, PrehashedHasher, Store, StoreUsage,
};
#[cfg(feature = "shared")]
pub use crate::store::{JsonKeys, NoMemory, TieredStore};
pub use crate::time::{Clock, ManualClock, Sleep, TickerGuard, Timestamp, nanos};
