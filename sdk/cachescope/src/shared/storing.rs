//! How the shared store comes to know what was loaded, inserted and dropped here.

use std::time::Duration;

use cachescope_core::shared::StoredValue;
use cachescope_core::{Entry, HashedKey, Moment, Operation, RejectionReason, Store};

use super::lease::{Lease, Storing};
use super::tier::{Name, SharedTier};
use crate::bounds::{CacheKey, CacheValue, LoadError};
use crate::engine::{Engine, Kept};
use crate::flight::Answer;

impl<K: CacheKey, V: CacheValue, E: LoadError, S: Store<K, V>> Engine<K, V, E, S> {
    /// Stores a loaded value in the shared store, and says how it is to be kept in memory; `None` where there is no
    /// such store.
    pub(crate) async fn store_shared(
        &self,
        key: &HashedKey<K>,
        loaded: &Answer<V, E>,
        cost: Duration,
        storing: Storing,
    ) -> Option<Result<Kept<V>, RejectionReason>> {
        let (shared, Ok(value)) = (self.shared.as_ref()?, loaded) else { return None };
        let kept = match self.prepare(key, value.clone(), cost) {
            Ok(kept) => kept,
            Err(reason) => return Some(Err(reason)),
        };
        let lease = match storing {
            Storing::Not => return Some(Ok(kept)),
            Storing::Over => None,
            Storing::Under(lease) => Some(lease),
        };
        let Some((name, bytes)) = self.encode(shared, key, &kept.entry, cost) else { return Some(Ok(kept)) };
        let life = self.policy.use_left(&kept.entry, self.clock.now());
        let put = shared.store.put(&name.key, &bytes, life, lease.as_ref().map(|lease| lease.token()));
        Some(match shared.ask(self.books(), Operation::Put, put).await {
            Ok(true) => {
                lease.into_iter().for_each(Lease::used);
                Ok(kept)
            }
            // Others know better: memory must not keep it either.
            Ok(false) => {
                lease.into_iter().for_each(Lease::used);
                Err(RejectionReason::Overtaken)
            }
            Err(_) => {
                self.recorder.rejected(RejectionReason::StoreError);
                Ok(kept)
            }
        })
    }

    fn encode(
        &self,
        shared: &SharedTier<K, V>,
        key: &HashedKey<K>,
        entry: &Entry<V>,
        cost: Duration,
    ) -> Option<(Name, Vec<u8>)> {
        let name = shared.name(key.key())?;
        let stored = StoredValue {
            value: entry.value.clone(),
            stored_at: self.clock.wall(entry.stored_at),
            fresh_until: (entry.fresh_until != Moment::NEVER).then(|| self.clock.wall(entry.fresh_until)),
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

    /// Has the shared store told of an entry that was inserted here.
    pub(crate) fn put_shared(&self, key: &HashedKey<K>, entry: &Entry<V>) {
        let Some(shared) = &self.shared else { return };
        match self.encode(shared, key, entry, Duration::ZERO) {
            Some((name, bytes)) => {
                shared.put_later(name, bytes, self.policy.use_left(entry, self.clock.now()));
            }
            // What it holds is out of date in any case.
            None => return self.drop_shared_key(key.key()),
        }
        self.deliver_behind();
    }

    /// Has the shared store told that the key of this JSON was dropped here.
    pub(crate) fn drop_shared(&self, json: Option<String>) {
        if let (Some(shared), Some(json)) = (&self.shared, json) {
            shared.drop_later(json);
            self.deliver_behind();
        }
    }

    /// The same by the key itself.
    pub(crate) fn drop_shared_key(&self, key: &K) {
        self.drop_shared(self.shared.as_ref().and_then(|shared| shared.json(key)));
    }

    /// Has the shared store told that everything was dropped here.
    pub(crate) fn clear_shared(&self) {
        if let Some(shared) = &self.shared {
            shared.outbox.add_all();
            self.deliver_behind();
        }
    }

    /// Tells the shared store what it is yet to be told, in a task of its own; where there is no runtime, the next
    /// request that looks for what it concerns does.
    pub(crate) fn deliver_behind(&self) {
        let (Some(spawner), Some(this)) = (self.background.spawner(), self.this.upgrade()) else { return };
        spawner.spawn(async move {
            if let Some(shared) = &this.shared {
                // It is counted, and tried again.
                let _ = shared.deliver(this.books()).await;
            }
        });
    }

    /// Whether there is room in memory.
    pub(crate) fn has_memory(&self) -> bool {
        self.shared.as_ref().is_none_or(|shared| shared.settings.memory_life.is_some())
    }
}
