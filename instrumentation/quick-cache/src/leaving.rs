//! What leaves a quick_cache to make room, and why.

use std::mem;

use cachescope_core::{EvictionReason, Evictions};
use quick_cache::Lifecycle;

use crate::weighed::Weighed;

/// Counts what an insertion drives out. What is removed by name, quick_cache returns to whoever removes it.
#[derive(Clone)]
pub(crate) struct Leaving {
    pub(crate) evictions: Evictions,
}

/// What one insertion drove out, kept until the lock of its shard is released: to drop a value may take long.
pub(crate) struct Left<K, T> {
    /// The next to leave, or one after it, leaves for its size.
    by_size: bool,
    entries: Vec<(K, T)>,
}

impl<K, T> Default for Left<K, T> {
    fn default() -> Self {
        Self { by_size: false, entries: Vec::new() }
    }
}

impl<K, T> Lifecycle<Weighed<K>, T> for Leaving {
    type RequestState = Left<Weighed<K>, T>;

    /// Called for each entry that leaves because there is no room, also for one too large to be let in; not for
    /// one that is replaced.
    fn before_evict(&self, left: &mut Self::RequestState, _: &Weighed<K>, _: &mut T) {
        left.by_size = true;
    }

    /// Called for each entry that leaves, whatever the reason.
    ///
    /// Where a value too large to be let in takes an older one along, `before_evict` tells of the former and the
    /// older one leaves first. One leaves for its size and one is replaced, in whichever order they are counted.
    fn on_evict(&self, left: &mut Self::RequestState, key: Weighed<K>, entry: T) {
        let by_size = mem::take(&mut left.by_size);
        let reason = if by_size { EvictionReason::Size } else { EvictionReason::Replaced };
        self.evictions.left(key.key.hash(), reason);
        left.entries.push((key, entry));
    }
}
