//! Writes to the shared store: loaded values, insertions and invalidations.

use std::time::Duration;

use cachescope_core::shared::StoredValue;
use cachescope_core::{Entry, HashedKey, Operation, RejectionReason, Store, Timestamp};

use super::lease::{Lease, Storing};
use super::tier::{EntryName, SharedTier};
use crate::engine::Engine;
use crate::engine::bounds::{CacheKey, CacheValue, LoadError};
use crate::engine::memory::Prepared;
use crate::engine::single_flight::Answer;

impl<K: CacheKey, V: CacheValue, E: LoadError, S: Store<K, V>> Engine<K, V, E, S> {
    /// Stores a loaded value in the shared store, and returns how memory keeps it; `None` without a shared store.
    pub(crate) async fn store_in_l2(
        &self,
        key: &HashedKey<K>,
        loaded: &Answer<V, E>,
        cost: Duration,
        storing: Storing,
    ) -> Option<Result<Prepared<V>, RejectionReason>> {
        let (shared, Ok(value)) = (self.l2.as_ref()?, loaded) else { return None };
        let prepared = match self.memory.prepare(key, value.clone(), cost, &self.clock) {
            Ok(prepared) => prepared,
            Err(reason) => return Some(Err(reason)),
        };
        let lease = match storing {
            Storing::Not => return Some(Ok(prepared)),
            Storing::Over => None,
            Storing::Under(lease) => Some(lease),
        };
        let Some((name, bytes)) = self.encode(shared, key, &prepared.entry, cost) else { return Some(Ok(prepared)) };
        let ttl = self.memory.policy.use_left(&prepared.entry, self.clock.now());
        let put = shared.store.put(&name.key, &bytes, ttl, lease.as_ref().map(|lease| lease.token()));
        Some(match shared.ask(self.guards(), Operation::Put, put).await {
            Ok(true) => {
                lease.into_iter().for_each(Lease::used);
                Ok(prepared)
            }
            // Another process knows better: memory must not keep the value either.
            Ok(false) => {
                lease.into_iter().for_each(Lease::used);
                Err(RejectionReason::Overtaken)
            }
            Err(_) => {
                self.recorder.rejected(RejectionReason::StoreError);
                Ok(prepared)
            }
        })
    }

    fn encode(
        &self,
        shared: &SharedTier<K, V>,
        key: &HashedKey<K>,
        entry: &Entry<V>,
        cost: Duration,
    ) -> Option<(EntryName, Vec<u8>)> {
        let name = shared.name(key.key())?;
        let stored = StoredValue {
            value: entry.value.clone(),
            stored_at: self.clock.wall_time(entry.stored_at),
            fresh_until: (entry.fresh_until != Timestamp::NEVER).then(|| self.clock.wall_time(entry.fresh_until)),
            cost,
        };
        match shared.encode(&self.clock, &name, &stored) {
            Ok(bytes) => Some((name, bytes)),
            Err(error) => {
                self.recorder.store_failed(Operation::Put, error.kind());
                self.recorder.rejected(RejectionReason::StoreError);
                None
            }
        }
    }

    /// Adds an inserted entry to the outbox.
    pub(crate) fn put_in_l2(&self, key: &HashedKey<K>, entry: &Entry<V>) {
        let Some(shared) = &self.l2 else { return };
        match self.encode(shared, key, entry, Duration::ZERO) {
            Some((name, bytes)) => {
                shared.put_later(name, bytes, self.memory.policy.use_left(entry, self.clock.now()));
            }
            // The store's entry is out of date in any case.
            None => return self.remove_key_from_l2(key.key()),
        }
        self.deliver_in_background();
    }

    /// Adds the removal of a key, given as JSON, to the outbox.
    pub(crate) fn remove_from_l2(&self, json: Option<String>) {
        if let (Some(shared), Some(json)) = (&self.l2, json) {
            shared.drop_later(json);
            self.deliver_in_background();
        }
    }

    /// Adds the removal of a key to the outbox.
    pub(crate) fn remove_key_from_l2(&self, key: &K) {
        self.remove_from_l2(self.l2.as_ref().and_then(|shared| shared.json(key)));
    }

    /// Adds a clear to the outbox.
    pub(crate) fn clear_l2(&self) {
        if let Some(shared) = &self.l2 {
            shared.outbox.add_all();
            self.deliver_in_background();
        }
    }

    /// Delivers the outbox in a task of its own. Without a runtime, the next request for a pending key delivers it.
    pub(crate) fn deliver_in_background(&self) {
        let (Some(spawner), Some(this)) = (self.background.spawner(), self.this.upgrade()) else { return };
        spawner.spawn(async move {
            if let Some(shared) = &this.l2 {
                // A failure is counted, and the delivery is tried again.
                let _ = shared.deliver(this.guards()).await;
            }
        });
    }

    /// Returns whether the cache keeps entries in memory.
    pub(crate) fn has_memory(&self) -> bool {
        self.l2.as_ref().is_none_or(|shared| shared.settings.memory_ttl.is_some())
    }
}
