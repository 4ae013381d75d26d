//! The memory tier of a tiered cache.

use std::borrow::Borrow;
use std::hash::Hash;

use super::Store;
use super::entry::Entry;
use super::key::{HashedKey, HashedRef};
use super::key_encoding::JsonKeys;
use super::usage::StoreUsage;
use crate::outcome::EvictionReason;
use crate::simulator::Simulator;

/// A store in memory in front of a shared store. Created from [`Tiered`](crate::shared::Tiered).
#[derive(Clone, Copy, Debug)]
pub struct TieredStore<M>(M);

impl<M> TieredStore<M> {
    pub(crate) const fn new(memory: M) -> Self {
        Self(memory)
    }
}

impl<K, V, M: Store<K, V>> Store<K, V> for TieredStore<M> {
    type KeyEncoding = JsonKeys;

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

    fn for_each(&self, visit: &mut dyn FnMut(&K, &Entry<V>)) {
        self.0.for_each(visit);
    }

    fn clear(&self) {
        self.0.clear();
    }

    fn usage(&self) -> StoreUsage {
        self.0.usage()
    }

    fn simulator(&self, capacity: u64, entries: usize) -> Option<Box<dyn Simulator>> {
        self.0.simulator(capacity, entries)
    }
}
