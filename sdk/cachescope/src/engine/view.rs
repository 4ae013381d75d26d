//! The view of a cache whose types are erased: what telemetry, insight and the process's registry ask of any cache.

use std::collections::HashMap;
use std::time::Duration;

use cachescope_core::{CacheIdentity, EvictionReason, RequestResult, Simulator, Store, StoreUsage, Tier};
#[cfg(feature = "persist")]
use cachescope_telemetry::Totals;
use cachescope_telemetry::{CAPACITY_MULTIPLES, CacheSource};

use crate::engine::Engine;
use crate::engine::bounds::{CacheKey, CacheValue, LoadError};
use crate::insight::{Insight, MemoryHits, MemoryView, SimulatedCache, Watcher};
use crate::metrics::CacheMetrics;

/// A cache of any types.
pub(crate) trait View: CacheSource + SimulatedCache {
    fn identity(&self) -> &CacheIdentity;
    fn metrics(&self) -> CacheMetrics<'_>;
    fn insight(&self) -> Insight<'_>;
    fn clear(&self);
    /// Returns the models of insight; `None` if insight is off.
    fn watcher(&self) -> Option<&Watcher>;
    /// Returns what insight must know of the cache's memory.
    fn memory(&self) -> MemoryView;
    /// Returns the names of these keys, if the user wants keys named and memory holds them. Visits every entry.
    fn key_names(&self, hashes: &[u64]) -> HashMap<u64, String>;
}

impl<K: CacheKey, V: CacheValue, E: LoadError, S: Store<K, V>> View for Engine<K, V, E, S> {
    fn identity(&self) -> &CacheIdentity {
        self.recorder.identity()
    }

    fn metrics(&self) -> CacheMetrics<'_> {
        CacheMetrics { metrics_state: &self.metrics_state, source: self }
    }

    fn insight(&self) -> Insight<'_> {
        Insight::new(self)
    }

    fn clear(&self) {
        Engine::clear(self);
    }

    fn watcher(&self) -> Option<&Watcher> {
        self.watch.watcher.as_deref()
    }

    fn memory(&self) -> MemoryView {
        MemoryView {
            kind: self.memory.store.kind(),
            usage: self.memory.store.usage(),
            ttl: self.memory.policy.fixed_ttl(),
            expires: self.memory.policy.expires(),
            l2: self.l2_view(),
        }
    }

    fn key_names(&self, hashes: &[u64]) -> HashMap<u64, String> {
        let Some(name) = self.watch.key_name.as_ref().filter(|_| !hashes.is_empty()) else { return HashMap::new() };
        let mut keys = HashMap::new();
        self.memory.store.for_each(&mut |key, _| {
            let hash = self.memory.hash(key);
            if hashes.contains(&hash) {
                keys.insert(hash, key.clone());
            }
        });
        // Outside the store's locks: the user's function may call the cache.
        keys.into_iter().map(|(hash, key)| (hash, name(&key))).collect()
    }
}

impl<K: CacheKey, V: CacheValue, E: LoadError, S: Store<K, V>> SimulatedCache for Engine<K, V, E, S> {
    fn simulator(&self, capacity: u64, entries: usize) -> Option<Box<dyn Simulator>> {
        self.memory.store.simulator(capacity, entries)
    }

    fn memory_hits(&self) -> MemoryHits {
        let totals = self.recorder.totals();
        let in_memory = |result| totals.answered(result, Tier::L1);
        let by_memory = in_memory(RequestResult::Hit) + in_memory(RequestResult::Stale);
        let elsewhere = totals.answered(RequestResult::Hit, Tier::L2) + totals.answered(RequestResult::Stale, Tier::L2);
        let others = [RequestResult::Miss, RequestResult::Coalesced, RequestResult::Absent];
        let others: u64 = others.map(|result| totals.result(result)).iter().sum();
        MemoryHits { hits: by_memory as f64, requests: (by_memory + elsewhere + others) as f64 }
    }

    fn usage_without_evictions(&self, in_bytes: bool) -> Option<u64> {
        let usage = self.memory.store.usage();
        let held = if in_bytes { usage.bytes? } else { usage.entries };
        (self.recorder.evicted(EvictionReason::Size)? == 0).then_some(held)
    }
}

impl<K: CacheKey, V: CacheValue, E: LoadError, S: Store<K, V>> CacheSource for Engine<K, V, E, S> {
    fn usage(&self) -> StoreUsage {
        if let Some(usage) = self.l2_usage() {
            return usage;
        }
        self.memory.store.usage()
    }

    fn longest_wait(&self) -> Duration {
        self.loading.oldest_wait().map_or(Duration::ZERO, |since| self.clock.now().since(since))
    }

    fn curve(&self) -> Option<[f64; CAPACITY_MULTIPLES.len()]> {
        View::insight(self).curve()?.hit_rates()
    }

    #[cfg(feature = "persist")]
    fn restored(&self) -> Option<Totals> {
        self.metrics_state.exported_restored()
    }
}
