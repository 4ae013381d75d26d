//! The slow-moving contract of cachescope: stores, entries, time, the recorder, and telemetry names.
//!
//! Applications use the `cachescope` crate, which re-exports what they need of this one. Depend on this
//! crate to write a store, or to give another cache the same telemetry. It knows OpenTelemetry's API and
//! never its SDK.

pub mod client;
mod clock;
#[cfg(feature = "contract")]
pub mod contract;
mod entry;
mod error;
mod eviction;
mod exports;
mod key;
mod outcome;
mod recorder;
pub mod roll_up;
#[cfg(feature = "shared")]
pub mod shared;
mod simulator;
mod sleep;
mod slots;
mod store;
mod telemetry;
mod ticker;

pub use crate::clock::{Clock, ClockHands, Moment, nanos};
pub use crate::entry::{Cost, Entry};
pub use crate::error::ConfigError;
pub use crate::eviction::{EvictionReason, Evictions, Remembers};
pub use crate::exports::{DropReason, ExportedItem, Exports};
pub use crate::key::{BroughtHash, BroughtHasher, HashedKey, HashedRef};
pub use crate::outcome::{
    Ending, Failure, LoadOutcome, LoadTrigger, MissReason, Operation, RejectionReason, RequestResult, StaleEvent,
    StoreErrorKind, Tier, WaitOutcome, WaitScope,
};
#[cfg(feature = "serde")]
pub use crate::recorder::Layout;
pub use crate::recorder::{
    Counts, Durations, Event, HitCell, HitTiming, Measured, Observer, Packed, Quantity, Recorder, Sizes, Totals,
};
pub use crate::simulator::Simulator;
pub use crate::sleep::Sleep;
pub use crate::slots::{Ring, Slots};
#[cfg(feature = "shared")]
pub use crate::store::{BeforeShared, ByJson, NoMemory};
pub use crate::store::{IntoStore, Levels, Naming, Store, Unshared};
pub use crate::telemetry::{CAPACITY_MULTIPLES, Identity, Labels, Registration, Source, Telemetry, names};
pub use crate::ticker::Ticking;
