//! Changes to what a cache keeps: stored loads, insertions, invalidations and the clean-up of expired entries.

use std::borrow::Borrow;
use std::hash::Hash;
use std::sync::Arc;
use std::time::Duration;

use cachescope_core::{
    Entry, EvictionReason, HashedKey, HashedRef, KeyEncoding, Operation, RejectionReason, Store, Tier, Timestamp,
};

use crate::engine::Engine;
use crate::engine::bounds::{CacheKey, CacheValue, LoadError};
use crate::engine::memory::Prepared;
use crate::engine::single_flight::Answer;
use crate::insight::KeyEvent;

/// The answer of a load, shared by all requests that waited for the load.
type Landed<V, E> = Arc<Answer<V, E>>;

/// A stored value, for telemetry.
pub(crate) struct Put {
    pub(crate) at: Timestamp,
    took: Duration,
    /// In bytes, if known.
    size: Option<u64>,
    pub(crate) weight: u32,
}

impl<K: CacheKey, V: CacheValue, E: LoadError, S: Store<K, V>> Engine<K, V, E, S> {
    /// Lands the answer of a load that took `cost` by calling `land`, which stores the answer under its lock if it may
    /// be stored. Returns the shared answer, and what was stored.
    pub(crate) fn keep(
        &self,
        cost: Duration,
        prepared: Option<Result<Prepared<V>, RejectionReason>>,
        land: impl FnOnce(&mut dyn FnMut(&HashedKey<K>, &Answer<V, E>)) -> Landed<V, E>,
    ) -> (Landed<V, E>, Option<Put>) {
        let (mut put, mut prepared) = (None, prepared);
        let answer = land(&mut |key, answer| match (answer, &self.memory.errors) {
            (Ok(value), _) => {
                let prepared =
                    prepared.take().unwrap_or_else(|| self.memory.prepare(key, value.clone(), cost, &self.clock));
                put = self.store_value(key.clone(), prepared);
            }
            (Err(error), Some(errors)) => errors.remember(key.clone(), error, self.clock.now()),
            (Err(_), None) => {}
        });
        self.record_put(put.as_ref());
        (answer, put)
    }

    /// Stores a value, or counts why it isn't stored. Runs under the lock of the key's flights. The caller records the
    /// result after the lock: a collection of telemetry takes that lock as well.
    fn store_value(&self, key: HashedKey<K>, prepared: Result<Prepared<V>, RejectionReason>) -> Option<Put> {
        self.memory.forget_error(key.as_ref());
        let Prepared { entry, size } = match prepared {
            Ok(prepared) => prepared,
            Err(reason) => {
                self.recorder.rejected(reason);
                self.watch.watcher.iter().for_each(|watcher| watcher.record_rejection(key.hash()));
                return None;
            }
        };
        let (start, weight) = (self.clock.now(), entry.weight);
        self.memory.store.put(key, self.memory.policy.in_memory(entry, start));
        let at = self.clock.now();
        Some(Put { at, took: at.since(start), size, weight })
    }

    /// Records the duration of an operation on memory.
    fn record_operation(&self, operation: Operation, took: Duration) {
        if !self.has_memory() {
            return;
        }
        self.recorder.operation(Tier::L1, operation, took);
    }

    fn record_put(&self, put: Option<&Put>) {
        let Some(put) = put else { return };
        self.record_operation(Operation::Put, put.took);
        if let Some(size) = put.size {
            self.recorder.entry_stored(size);
        }
    }

    /// Stores a value that was not loaded. A load that began earlier is not stored over it.
    pub(crate) fn insert(&self, key: HashedKey<K>, value: V) {
        // The flights and then the store each need the key.
        let (stored, mut put) = (key.clone(), None);
        self.loading.flights.invalidate(key.as_ref(), || {
            let mut prepared = self.memory.prepare(&key, value, Duration::ZERO, &self.clock);
            if let Ok(prepared) = &mut prepared {
                // The load time of the value is unknown: take the mean of the cache's loads.
                prepared.entry.cost = self.recorder.mean_load();
            }
            match &prepared {
                Ok(prepared) => self.put_in_l2(&key, &prepared.entry),
                Err(_) => self.remove_key_from_l2(key.key()),
            }
            put = self.store_value(stored, prepared);
        });
        self.record_put(put.as_ref());
        if let Some(put) = put {
            self.record_key_event(key.hash(), put.at, KeyEvent::Refreshed { weight: put.weight });
        }
    }

    pub(crate) fn invalidate<Q>(&self, key: &Q)
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
        S::KeyEncoding: KeyEncoding<Q>,
    {
        let key = HashedRef::new(self.memory.hash(key), key);
        let start = self.clock.now();
        self.loading.flights.invalidate(key, || {
            self.memory.remove(key);
            self.remove_from_l2(S::KeyEncoding::json(key.key()));
        });
        self.record_operation(Operation::Remove, self.clock.now().since(start));
    }

    /// Removes all entries for which `matches` returns true. A load under way may return such a value, so no load that
    /// began earlier is stored.
    pub(crate) fn invalidate_if(&self, mut matches: impl FnMut(&K, &V) -> bool) -> u64 {
        let start = self.clock.now();
        let mut dropped = 0;
        self.loading.flights.clear(|| {
            let matches = &mut |key: &K, entry: &Entry<V>| {
                let dropped = matches(key, &entry.value);
                if dropped {
                    // A removed entry's remembered error is forgotten as well.
                    self.memory.forget_error(HashedRef::new(self.memory.hash(key), key));
                }
                dropped
            };
            dropped = self.memory.store.remove_if(EvictionReason::Invalidated, matches);
            // A shared store can't evaluate `matches`.
            self.clear_l2();
        });
        self.record_operation(Operation::Remove, self.clock.now().since(start));
        dropped
    }

    /// Removes all entries with this tag.
    pub(crate) fn invalidate_tag(&self, tag: &str) -> u64 {
        let Some(tags) = &self.memory.tags else { return 0 };
        let dropped = self.invalidate_if(|key, value| tags.has(key, value, tag));
        if let Some(counted) = &self.counted_tags {
            self.recorder.tag_invalidated(counted.name(tag), dropped);
        }
        dropped
    }

    /// Removes all entries that can't answer any request.
    pub(crate) fn clean_up(&self) {
        let now = self.clock.now();
        let is_spent = &mut |_: &K, entry: &Entry<V>| self.memory.policy.is_spent(entry, now);
        // No load lands meanwhile, so a value that was just stored isn't taken for the expired one it replaced.
        self.loading.flights.hold(|| self.memory.store.remove_if(EvictionReason::Expired, is_spent));
    }

    pub(crate) fn clear(&self) {
        let start = self.clock.now();
        self.loading.flights.clear(|| {
            self.memory.clear();
            self.clear_l2();
        });
        self.watch.watcher.iter().for_each(|watcher| watcher.record_clear());
        // Settles the store, so that the miss reasons of the removed keys are known.
        self.memory.store.usage();
        self.record_operation(Operation::Clear, self.clock.now().since(start));
    }
}
