//! Stores: what authors of stores implement, and the types of the stores that caches are built on.
//!
//! A cache's store is chosen with [`Builder::store`](crate::Builder::store). Its type is the fourth parameter of
//! [`Cached`](crate::Cached).

#[cfg(feature = "get-size")]
pub use crate::engine::deep_size::deep_size;
pub use crate::entry_info::EntryInfo;
pub use cachescope_core::{
    CacheIdentity, Entry, EvictionListener, EvictionReason, Evictions, HashedKey, HashedRef, IntoStore, KeyEncoding,
    LoadCost, NoKeys, PrehashedBuildHasher, PrehashedHasher, Simulator, Store, StoreUsage, Timestamp,
};
#[cfg(feature = "shared")]
pub use cachescope_core::{JsonKeys, NoMemory, TieredStore};
#[cfg(feature = "moka")]
pub use cachescope_moka::MokaStore;
#[cfg(feature = "quick_cache")]
pub use cachescope_quick_cache::QuickCacheStore;
/// The trait that [`deep_size`] measures values by.
#[cfg(feature = "get-size")]
pub use get_size2::GetSize;

/// The type of a tiered store whose memory is moka: a short name for [`Cached`](crate::Cached)'s fourth parameter.
#[cfg(all(feature = "shared", feature = "moka"))]
pub type TieredMoka<K, V> = TieredStore<MokaStore<K, V>>;
