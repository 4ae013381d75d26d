//! Counts the evictions of a quick_cache by reason.

use std::mem;

use cachescope_core::{EvictionReason, Evictions};
use quick_cache::Lifecycle;

use crate::weighted_key::WeightedKey;

/// Counts the entries that an insertion evicts or replaces. Explicit removals are counted by the store, because
/// quick_cache returns the removed entry to its caller.
#[derive(Clone)]
pub(crate) struct EvictionCounter {
    pub(crate) evictions: Evictions,
}

/// The entries that one insertion evicted. They are kept until the lock of the shard is released, because dropping a
/// value may take long.
pub(crate) struct EvictedEntries<K, T> {
    /// The next eviction, or a later one of this insertion, has the reason `Size`.
    by_size: bool,
    entries: Vec<(K, T)>,
}

impl<K, T> Default for EvictedEntries<K, T> {
    fn default() -> Self {
        Self { by_size: false, entries: Vec::new() }
    }
}

impl<K, T> Lifecycle<WeightedKey<K>, T> for EvictionCounter {
    type RequestState = EvictedEntries<WeightedKey<K>, T>;

    /// Called for each entry that is evicted for capacity, including a new entry that is too large. Not called for a
    /// replaced entry.
    fn before_evict(&self, left: &mut Self::RequestState, _: &WeightedKey<K>, _: &mut T) {
        left.by_size = true;
    }

    /// Called for each entry that leaves, for any reason.
    ///
    /// If a new value is too large and its key has an older value, both leave. `before_evict` is called for the new
    /// value, but the older value leaves first. The order doesn't matter: one is counted as `Size`, and one as
    /// `Replaced`.
    fn on_evict(&self, left: &mut Self::RequestState, key: WeightedKey<K>, entry: T) {
        let by_size = mem::take(&mut left.by_size);
        let reason = if by_size { EvictionReason::Size } else { EvictionReason::Replaced };
        self.evictions.on_evict(key.key.hash(), reason);
        left.entries.push((key, entry));
    }
}
