//! What a cache tells of its keys to what watches it.

use std::collections::HashMap;

use cachescope_core::{Entry, EvictionReason, MissReason, Moment, RequestResult, Simulator, Store, Tier};

use crate::bounds::{CacheKey, CacheValue, LoadError};
use crate::engine::Engine;
use crate::insight::{Answered, Behind, Ground, Memory, Seen, Watched, Watcher};
use crate::live::Live;
use crate::metrics::CacheMetrics;

impl<K: CacheKey, V: CacheValue, E: LoadError, S: Store<K, V>> Engine<K, V, E, S> {
    /// Whether what happens to this key is to be told.
    #[inline(always)]
    pub(crate) fn is_sampled(&self, hash: u64) -> bool {
        self.watcher.as_ref().is_some_and(|watcher| watcher.sampler.takes(hash))
    }

    /// Tells what happened to a key, if it is sampled. Not under a lock of the store's or of the key's flights.
    pub(crate) fn saw(&self, hash: u64, at: Moment, what: Seen) {
        if let Some(watcher) = &self.watcher {
            watcher.see(hash, at, what, self);
        }
    }

    /// The same of an entry in memory that answered.
    pub(crate) fn saw_hit(&self, hash: u64, entry: &Entry<V>, now: Moment) {
        self.saw(hash, now, Seen::Hit { age: now.since(entry.stored_at), weight: entry.weight });
    }

    /// Why there is no entry of this key.
    pub(crate) fn why_absent(&self, hash: u64) -> MissReason {
        let Some(watcher) = &self.watcher else { return MissReason::Unknown };
        match watcher.why_absent(hash) {
            // What others did with the store that they share isn't known.
            MissReason::Cold | MissReason::Evicted | MissReason::Expired if self.behind().is_some() => {
                MissReason::Unknown
            }
            reason => reason,
        }
    }

    fn behind(&self) -> Option<Behind> {
        #[cfg(feature = "shared")]
        return self.shared.as_ref().map(|shared| Behind {
            lease: shared.settings.lease,
            patience: self.wait_timeout,
            coding: shared.coding.beside_the_store(),
        });
        #[cfg(not(feature = "shared"))]
        None
    }
}

impl<K: CacheKey, V: CacheValue, E: LoadError, S: Store<K, V>> Ground for Engine<K, V, E, S> {
    fn simulator(&self, capacity: u64, entries: usize) -> Option<Box<dyn Simulator>> {
        self.store.simulator(capacity, entries)
    }

    fn answered(&self) -> Answered {
        let totals = self.recorder.totals();
        let in_memory = |result| totals.answered(result, Tier::L1);
        let by_memory = in_memory(RequestResult::Hit) + in_memory(RequestResult::Stale);
        let elsewhere = totals.answered(RequestResult::Hit, Tier::L2) + totals.answered(RequestResult::Stale, Tier::L2);
        let others = [RequestResult::Miss, RequestResult::Coalesced, RequestResult::Absent];
        let others: u64 = others.map(|result| totals.result(result)).iter().sum();
        Answered { by_memory: by_memory as f64, all: (by_memory + elsewhere + others) as f64 }
    }

    fn held_unpressed(&self, in_bytes: bool) -> Option<u64> {
        let levels = self.store.levels();
        let held = if in_bytes { levels.bytes? } else { levels.entries };
        (self.recorder.evicted(EvictionReason::Size)? == 0).then_some(held)
    }
}

impl<K: CacheKey, V: CacheValue, E: LoadError, S: Store<K, V>> Watched for Engine<K, V, E, S> {
    fn watcher(&self) -> Option<&Watcher> {
        self.watcher.as_deref()
    }

    fn numbers(&self) -> CacheMetrics<'_> {
        Live::metrics(self)
    }

    fn memory(&self) -> Memory {
        Memory {
            kind: self.store.kind(),
            levels: self.store.levels(),
            life: self.policy.same_life(),
            expires: self.policy.expires(),
            behind: self.behind(),
        }
    }

    fn key_names(&self, hashes: &[u64]) -> HashMap<u64, String> {
        let Some(name) = self.key_name.as_ref().filter(|_| !hashes.is_empty()) else { return HashMap::new() };
        let mut keys = HashMap::new();
        // Nothing matches: all are looked at, and none is dropped.
        self.store.remove_if(EvictionReason::Invalidated, &mut |key, _| {
            let hash = self.hash(key);
            if hashes.contains(&hash) {
                keys.insert(hash, key.clone());
            }
            false
        });
        // Without the store's locks: the user's function may ask the cache.
        keys.into_iter().map(|(hash, key)| (hash, name(&key))).collect()
    }
}
