//! Where entries live.

use std::borrow::Borrow;
use std::hash::Hash;

use crate::entry::Entry;
use crate::error::ConfigError;
use crate::eviction::{EvictionReason, Evictions};
use crate::key::{HashedKey, HashedRef};
#[cfg(feature = "shared")]
use crate::shared::SharedStore;
use crate::simulator::Simulator;

/// A store in this process's memory, which answers at once.
///
/// It knows keys and entries, and nothing of freshness: whoever reads an [`Entry`] judges its age.
/// No method may call back into the cache it serves; `put`, `remove`, `remove_if` and `clear` run under a lock
/// of that cache, which is what makes "never stored over an invalidation" exact.
pub trait Store<K, V>: Send + Sync + 'static {
    /// How keys are called in the store behind this one; [`Unshared`] where there is none.
    type Naming;

    /// The value of the attribute `cachescope.store`: short, lower case, the same for all stores of a kind.
    fn kind(&self) -> &'static str;

    /// The entry of this key, as a read that the store's policy may learn from.
    fn get<Q>(&self, key: HashedRef<'_, Q>) -> Option<Entry<V>>
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ?Sized;

    /// Whether there is an entry, without its policy taking note.
    fn contains<Q>(&self, key: HashedRef<'_, Q>) -> bool
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ?Sized;

    /// What an entry of this value takes of the store's limit: what [`Entry::weight`] is to be. Asked once an entry,
    /// on the thread that stores it.
    fn weigh(&self, key: &K, value: &V) -> u32 {
        let _ = (key, value);
        1
    }

    /// Stores an entry, over the one that was there. It has the weight that [`Store::weigh`] gave.
    fn put(&self, key: HashedKey<K>, entry: Entry<V>);

    /// Drops the entry of this key, if there is one.
    fn remove<Q>(&self, key: HashedRef<'_, Q>)
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ?Sized;

    /// Drops every entry for which `matches` says true, and gives how many these were. Each counts as an eviction
    /// for `reason`.
    ///
    /// Looks at each entry once, without its policy taking note, and may clone it to show it: a large value belongs
    /// in an `Arc`. What is put meanwhile under a key that doesn't match stays. Should `matches` panic, what was
    /// dropped by then stays dropped and counted.
    fn remove_if(&self, reason: EvictionReason, matches: &mut dyn FnMut(&K, &Entry<V>) -> bool) -> u64;

    /// Drops every entry.
    fn clear(&self);

    /// How full it is now. Called when telemetry is collected or stats are asked for, so it may do the
    /// store's pending work first, in order to be exact.
    fn levels(&self) -> Levels;

    /// Its policy in a store of `capacity`, counted as its limit is, which about `entries` entries fill; `None` where
    /// there is none to be had, or no policy.
    fn simulator(&self, capacity: u64, entries: usize) -> Option<Box<dyn Simulator>> {
        let _ = (capacity, entries);
        None
    }
}

/// A store's configuration, which becomes the store when its cache is built.
pub trait IntoStore<K, V> {
    /// The store it becomes.
    type Store: Store<K, V>;

    /// Makes the store, which counts what leaves it into `evictions`.
    ///
    /// # Errors
    /// A [`ConfigError`] that says what to change.
    fn into_store(self, evictions: Evictions) -> Result<Self::Store, ConfigError>;

    /// The store behind it that several processes use, or that outlives this one, for the cache called `cache`. Asked
    /// first.
    ///
    /// # Errors
    /// A [`ConfigError`] that says what to change.
    #[cfg(feature = "shared")]
    fn shared(&mut self, cache: &str) -> Result<Option<SharedStore<K, V>>, ConfigError> {
        let _ = cache;
        Ok(None)
    }
}

/// How a key, or what it is borrowed as, is called in a store that processes share.
pub trait Naming<Q: ?Sized> {
    /// Its JSON; `None` if it isn't called anything there.
    fn json(key: &Q) -> Option<String>;
}

/// The naming of a store that has no shared one behind it.
#[derive(Debug)]
pub enum Unshared {}

impl<Q: ?Sized> Naming<Q> for Unshared {
    fn json(_: &Q) -> Option<String> {
        None
    }
}

/// The naming of those that have: keys are called by what serde makes of them, which has to be the same for a key and
/// what it is borrowed as.
#[cfg(feature = "shared")]
#[derive(Debug)]
pub enum ByJson {}

#[cfg(feature = "shared")]
impl<Q: serde::Serialize + ?Sized> Naming<Q> for ByJson {
    fn json(key: &Q) -> Option<String> {
        serde_json::to_string(key).ok()
    }
}

/// The store of a cache that keeps nothing in memory.
#[cfg(feature = "shared")]
#[derive(Clone, Copy, Debug, Default)]
pub struct NoMemory;

#[cfg(feature = "shared")]
impl<K, V> Store<K, V> for NoMemory {
    type Naming = ByJson;

    fn kind(&self) -> &'static str {
        "none"
    }

    #[inline(always)]
    fn get<Q>(&self, _: HashedRef<'_, Q>) -> Option<Entry<V>>
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        None
    }

    #[inline(always)]
    fn contains<Q>(&self, _: HashedRef<'_, Q>) -> bool
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        false
    }

    fn put(&self, _: HashedKey<K>, _: Entry<V>) {}

    fn remove<Q>(&self, _: HashedRef<'_, Q>)
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
    }

    fn remove_if(&self, _: EvictionReason, _: &mut dyn FnMut(&K, &Entry<V>) -> bool) -> u64 {
        0
    }

    fn clear(&self) {}

    fn levels(&self) -> Levels {
        Levels::default()
    }
}

/// A store in memory before a shared one. Made from [`Tiered`](crate::shared::Tiered).
#[cfg(feature = "shared")]
#[derive(Clone, Copy, Debug)]
pub struct BeforeShared<M>(pub(crate) M);

#[cfg(feature = "shared")]
impl<K, V, M: Store<K, V>> Store<K, V> for BeforeShared<M> {
    type Naming = ByJson;

    fn kind(&self) -> &'static str {
        self.0.kind()
    }

    #[inline(always)]
    fn get<Q>(&self, key: HashedRef<'_, Q>) -> Option<Entry<V>>
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        self.0.get(key)
    }

    fn contains<Q>(&self, key: HashedRef<'_, Q>) -> bool
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        self.0.contains(key)
    }

    fn weigh(&self, key: &K, value: &V) -> u32 {
        self.0.weigh(key, value)
    }

    fn put(&self, key: HashedKey<K>, entry: Entry<V>) {
        self.0.put(key, entry);
    }

    fn remove<Q>(&self, key: HashedRef<'_, Q>)
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        self.0.remove(key);
    }

    fn remove_if(&self, reason: EvictionReason, matches: &mut dyn FnMut(&K, &Entry<V>) -> bool) -> u64 {
        self.0.remove_if(reason, matches)
    }

    fn clear(&self) {
        self.0.clear();
    }

    fn levels(&self) -> Levels {
        self.0.levels()
    }

    fn simulator(&self, capacity: u64, entries: usize) -> Option<Box<dyn Simulator>> {
        self.0.simulator(capacity, entries)
    }
}

/// How full a store is, and how full it may get. `None` is "the store doesn't know" or "no such limit".
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Deserialize, serde::Serialize))]
pub struct Levels {
    /// Entries held.
    pub entries: u64,
    /// The most entries it may hold.
    pub entry_limit: Option<u64>,
    /// Bytes held, as the user's size function counts them.
    pub bytes: Option<u64>,
    /// The most bytes it may hold.
    pub byte_limit: Option<u64>,
}

impl Levels {
    /// The levels of two stores of one name together.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        let sum = |a: Option<u64>, b: Option<u64>| match (a, b) {
            (None, None) => None,
            (a, b) => Some(a.unwrap_or(0).saturating_add(b.unwrap_or(0))),
        };
        Self {
            entries: self.entries.saturating_add(other.entries),
            entry_limit: sum(self.entry_limit, other.entry_limit),
            bytes: sum(self.bytes, other.bytes),
            byte_limit: sum(self.byte_limit, other.byte_limit),
        }
    }
}
