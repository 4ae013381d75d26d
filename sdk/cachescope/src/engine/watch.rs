//! The events of keys that a cache reports to insight.

use std::sync::Arc;

use cachescope_core::{Entry, MissReason, Store, Timestamp};

use crate::engine::Engine;
use crate::engine::bounds::{CacheKey, CacheValue, LoadError};
use crate::insight::{KeyEvent, L2View, Watcher};

/// Creates the name of a key for telemetry.
pub(crate) type KeyName<K> = Box<dyn Fn(&K) -> String + Send + Sync>;

/// The part of a cache that watches keys for insight.
pub(crate) struct Watch<K> {
    /// `None` if insight is off.
    pub(crate) watcher: Option<Arc<Watcher>>,
    /// Names keys in telemetry; `None` unless the user opted in.
    pub(crate) key_name: Option<KeyName<K>>,
}

impl<K: CacheKey, V: CacheValue, E: LoadError, S: Store<K, V>> Engine<K, V, E, S> {
    /// Returns whether insight samples this key.
    #[inline(always)]
    pub(crate) fn is_sampled(&self, hash: u64) -> bool {
        self.watch.watcher.as_ref().is_some_and(|watcher| watcher.sampler.samples(hash))
    }

    /// Records an event of a key, if the key is sampled. Must not be called under a lock of the store or of the key's
    /// flights.
    pub(crate) fn record_key_event(&self, hash: u64, at: Timestamp, what: KeyEvent) {
        if let Some(watcher) = &self.watch.watcher {
            watcher.record_event(hash, at, what, self);
        }
    }

    /// Records a hit in memory.
    pub(crate) fn record_hit(&self, hash: u64, entry: &Entry<V>, now: Timestamp) {
        self.record_key_event(hash, now, KeyEvent::Hit { age: now.since(entry.stored_at), weight: entry.weight });
    }

    /// Returns why memory has no entry of this key.
    pub(crate) fn why_absent(&self, hash: u64) -> MissReason {
        let Some(watcher) = &self.watch.watcher else { return MissReason::Unknown };
        match watcher.miss_reason(hash) {
            // What other processes did to the shared store isn't known.
            MissReason::Cold | MissReason::Evicted | MissReason::Expired if self.l2_view().is_some() => {
                MissReason::Unknown
            }
            reason => reason,
        }
    }

    /// Returns what insight must know of the shared store.
    pub(crate) fn l2_view(&self) -> Option<L2View> {
        self.l2.as_ref().map(|shared| shared.view(self.loading.wait_timeout))
    }
}
