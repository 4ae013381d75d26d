//! Stores in memory, their entries and their keys.

mod entry;
mod eviction_listener;
mod evictions;
mod key;
mod key_encoding;
mod load_cost;
#[cfg(feature = "shared")]
mod no_memory;
#[cfg(feature = "shared")]
mod tiered_store;
mod usage;

use std::borrow::Borrow;
use std::hash::Hash;

pub use self::entry::Entry;
pub use self::eviction_listener::EvictionListener;
pub use self::evictions::Evictions;
pub use self::key::{HashedKey, HashedRef, PrehashedBuildHasher, PrehashedHasher};
#[cfg(feature = "shared")]
pub use self::key_encoding::JsonKeys;
pub use self::key_encoding::{KeyEncoding, NoKeys};
pub use self::load_cost::LoadCost;
#[cfg(feature = "shared")]
pub use self::no_memory::NoMemory;
#[cfg(feature = "shared")]
pub use self::tiered_store::TieredStore;
pub use self::usage::StoreUsage;
use crate::error::ConfigError;
use crate::outcome::EvictionReason;
#[cfg(feature = "shared")]
use crate::shared::SharedStore;
use crate::simulator::Simulator;

/// A store in the memory of this process.
///
/// A store knows keys and entries, but not freshness: the cache checks the age of an [`Entry`] after it reads it. No
/// method may call the cache that the store serves. The cache calls `put`, `remove`, `remove_if` and `clear` under a
/// lock of its own. This lock guarantees that a load never stores its value over a later invalidation.
#[doc(alias = "backend")]
#[doc(alias = "L1")]
pub trait Store<K, V>: Send + Sync + 'static {
    /// The encoding of keys for the shared store, or [`NoKeys`] if there is no shared store.
    type KeyEncoding;

    /// Returns the kind of the store, the value of the attribute `cachescope.store`. It is short, in lower case, and
    /// the same for all stores of a kind.
    fn kind(&self) -> &'static str;

    /// Returns a clone of the entry of this key. The store's eviction policy counts the read as a use.
    fn get<Q>(&self, key: HashedRef<'_, Q>) -> Option<Entry<V>>
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ?Sized;

    /// Returns whether there is an entry of this key. The store's eviction policy doesn't count this as a use.
    fn contains<Q>(&self, key: HashedRef<'_, Q>) -> bool
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ?Sized;

    /// Returns the weight of an entry: the part of the store's capacity that it uses. Called once per entry, on the
    /// thread that stores it. The result becomes [`Entry::weight`].
    #[doc(alias = "weigher")]
    fn weigh(&self, key: &K, value: &V) -> u32 {
        let _ = (key, value);
        1
    }

    /// Stores an entry, and replaces the entry of the same key. The entry has the weight that [`Store::weigh`]
    /// returned.
    fn put(&self, key: HashedKey<K>, entry: Entry<V>);

    /// Removes the entry of this key, if there is one.
    fn remove<Q>(&self, key: HashedRef<'_, Q>)
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ?Sized;

    /// Removes all entries for which `matches` returns true, and returns their number. Each entry counts as an eviction
    /// for `reason`.
    ///
    /// Visits each entry once, and the eviction policy doesn't count this as a use. The store may clone the entry to
    /// pass it, so a large value belongs in an `Arc`. An entry that is stored meanwhile under a key that doesn't match
    /// stays. If `matches` panics, the entries removed so far stay removed and counted.
    fn remove_if(&self, reason: EvictionReason, matches: &mut dyn FnMut(&K, &Entry<V>) -> bool) -> u64;

    /// Calls `visit` with each entry. The eviction policy doesn't count this as a use, and the store may clone the entry
    /// to pass it. An entry that is stored or removed meanwhile may be missing.
    fn for_each(&self, visit: &mut dyn FnMut(&K, &Entry<V>));

    /// Removes all entries.
    fn clear(&self);

    /// Returns the current usage. Called when metrics are collected or stats are read, so the store may first do
    /// pending work in order to be exact.
    fn usage(&self) -> StoreUsage;

    /// Returns a simulator of the store's eviction policy at another capacity, or `None` if the store has none.
    /// `capacity` has the unit of the store's limit, and about `entries` entries fill it.
    fn simulator(&self, capacity: u64, entries: usize) -> Option<Box<dyn Simulator>> {
        let _ = (capacity, entries);
        None
    }
}

/// The configuration of a store. The cache builds the store from it.
pub trait IntoStore<K, V> {
    /// The type of the store.
    type Store: Store<K, V>;

    /// Creates the store, which counts its evictions into `evictions`.
    ///
    /// # Errors
    /// Returns a [`ConfigError`] if the configuration can't work.
    fn into_store(self, evictions: Evictions) -> Result<Self::Store, ConfigError>;

    /// Returns the shared store (L2) for the cache named `cache`, or `None` if there is no shared store. Called before
    /// [`IntoStore::into_store`].
    ///
    /// # Errors
    /// Returns a [`ConfigError`] if the configuration can't work.
    #[cfg(feature = "shared")]
    fn shared(&mut self, cache: &str) -> Result<Option<SharedStore<K, V>>, ConfigError> {
        let _ = cache;
        Ok(None)
    }
}
