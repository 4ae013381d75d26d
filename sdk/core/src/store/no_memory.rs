//! The store of a cache that keeps nothing in memory.

use std::borrow::Borrow;
use std::hash::Hash;

use super::Store;
use super::entry::Entry;
use super::key::{HashedKey, HashedRef};
use super::key_encoding::JsonKeys;
use super::usage::StoreUsage;
use crate::outcome::EvictionReason;

/// The store of a cache that keeps nothing in memory.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoMemory;

impl<K, V> Store<K, V> for NoMemory {
    type KeyEncoding = JsonKeys;

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

    fn for_each(&self, _: &mut dyn FnMut(&K, &Entry<V>)) {}

    fn clear(&self) {}

    fn usage(&self) -> StoreUsage {
        StoreUsage::default()
    }
}
