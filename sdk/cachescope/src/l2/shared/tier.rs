//! The shared store of one cache: called with a time limit, through a circuit breaker, and counted.

use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use cachescope_core::shared::{
    ByteStore, Corrupt, Invalidation, Scope, SharedSettings, SharedStore, StoreError, StoreFuture, StoreKey, StoreSize,
    StoredValue, Wire,
};
use cachescope_core::{Clock, Operation, StoreErrorKind, Tier};

use super::breaker::{Breaker, Change};
use super::coding::CodingTime;
use super::outbox::{Next, Outbox, PendingWrite};
use super::time_limit::within;
use crate::insight::L2View;
use crate::telemetry::guards::GuardContext;

/// Longer keys are announced as a clear: messages of a publish-subscribe service are small.
const MAX_ANNOUNCED_KEY: usize = 4_096;
/// The time limit of a clear, in time limits of one operation: a clear visits every key of the store, in batches.
const CLEAR_TIMEOUTS: u32 = 60;

/// The shared store of a cache.
pub(crate) struct SharedTier<K, V> {
    pub(crate) store: Arc<dyn ByteStore>,
    pub(crate) scope: Scope,
    pub(crate) coding: CodingTime,
    pub(crate) settings: SharedSettings,
    pub(crate) outbox: Outbox,
    /// Whether the listener was started.
    pub(crate) listener_started: AtomicBool,
    /// Whether maintenance was started.
    pub(crate) maintenance_started: AtomicBool,
    /// The interval of maintenance; `None`: the default.
    pub(crate) maintenance_interval: Option<Duration>,
    /// The size at the last measurement.
    pub(crate) size: Mutex<StoreSize>,
    /// Decodes the key of an announcement.
    pub(crate) key_from_json: Option<fn(&str) -> Option<K>>,
    key_to_json: fn(&K) -> Option<String>,
    wire: Wire<V>,
    breaker: Breaker,
    /// Distinguishes announcements of this cache from those of others.
    origin: u64,
}

/// The name of an entry in the store.
#[derive(Clone)]
pub(crate) struct EntryName {
    pub(crate) key: StoreKey,
    json: String,
}

impl<K, V> SharedTier<K, V> {
    /// Creates the tier. `origin` is unique to this cache.
    pub(crate) fn new(shared: SharedStore<K, V>, origin: u64, maintenance_interval: Option<Duration>) -> Self {
        let SharedStore { store, scope, key_to_json, key_from_json, wire, settings } = shared;
        let breaker = Breaker::new(settings.breaker_failures, settings.breaker_pause);
        Self {
            store,
            scope,
            coding: CodingTime::default(),
            settings,
            outbox: Outbox::default(),
            listener_started: AtomicBool::new(false),
            maintenance_started: AtomicBool::new(false),
            maintenance_interval,
            size: Mutex::default(),
            key_from_json,
            key_to_json,
            wire,
            breaker,
            origin,
        }
    }

    /// Returns the kind of the store, for telemetry.
    pub(crate) fn kind(&self) -> &'static str {
        self.store.kind()
    }

    /// Returns what insight must know of the shared store.
    pub(crate) fn view(&self, wait_timeout: Option<Duration>) -> L2View {
        L2View { lease: self.settings.lease, wait_timeout, coding_ratio: self.coding.ratio_to_store() }
    }

    /// Returns the name of the entry of `key`; `None` if the key can't be serialized, and so can't be shared.
    pub(crate) fn name(&self, key: &K) -> Option<EntryName> {
        let json = self.json(key)?;
        Some(EntryName { key: self.scope.key_from_json(&json), json })
    }

    /// Encodes an entry.
    pub(crate) fn encode(&self, clock: &Clock, name: &EntryName, stored: &StoredValue<V>) -> Result<Vec<u8>, StoreError>
    where
        V: 'static,
    {
        self.coding.timed(clock, || self.wire.encode(&name.key, stored))
    }

    /// Decodes an entry.
    pub(crate) fn decode(&self, clock: &Clock, name: &EntryName, bytes: &[u8]) -> Result<StoredValue<V>, Corrupt>
    where
        V: 'static,
    {
        self.coding.timed(clock, || self.wire.decode(&name.key, bytes))
    }

    /// Runs one operation of the store, with the configured time limit.
    pub(crate) async fn ask<T>(
        &self,
        guards: GuardContext<'_>,
        operation: Operation,
        asked: StoreFuture<'_, T>,
    ) -> Result<T, StoreError> {
        self.ask_within(guards, operation, self.settings.timeout, asked).await
    }

    async fn ask_within<T>(
        &self,
        guards: GuardContext<'_>,
        operation: Operation,
        timeout: Duration,
        asked: StoreFuture<'_, T>,
    ) -> Result<T, StoreError> {
        let GuardContext { recorder, clock, .. } = guards;
        let start = clock.now();
        let Some(pass) = self.breaker.enter(start) else {
            recorder.store_failed(operation, StoreErrorKind::Suspended);
            return Err(StoreErrorKind::Suspended.into());
        };
        let outcome = within(clock.coarse_sleep(timeout), asked).await;
        let end = clock.now();
        recorder.operation(Tier::L2, operation, end.since(start));
        if matches!(operation, Operation::Get | Operation::Put) {
            self.coding.stored(end.since(start));
        }
        let cache = &recorder.identity().name;
        let change = match &outcome {
            Err(error) if matches!(error.kind(), StoreErrorKind::Timeout | StoreErrorKind::Unreachable) => {
                pass.failed(end)
            }
            Ok(_) | Err(_) => pass.succeeded(),
        };
        if let Err(error) = &outcome {
            recorder.store_failed(operation, error.kind());
            tracing::debug!(cache, operation = operation.as_str(), %error, "operation on the shared store failed");
        }
        match change {
            Change::Opened => tracing::warn!(
                cache,
                store = self.store.kind(),
                "circuit breaker opened: the shared store keeps failing; requests fall back to the loader"
            ),
            Change::Closed => tracing::info!(
                cache,
                store = self.store.kind(),
                "circuit breaker closed: the shared store answers again"
            ),
            Change::None => {}
        }
        outcome
    }

    /// Delivers the pending writes to the store.
    pub(crate) async fn deliver(&self, guards: GuardContext<'_>) -> Result<(), StoreError> {
        let _turn = self.outbox.turn.lock().await;
        while let Some(next) = self.outbox.next() {
            let delivered = match &next {
                Next::All(_) => {
                    let clear = self.store.clear(&self.scope);
                    let timeout = self.settings.timeout.saturating_mul(CLEAR_TIMEOUTS);
                    self.ask_within(guards, Operation::Clear, timeout, clear).await
                }
                Next::Key(_, key, PendingWrite::Remove(_)) => {
                    self.ask(guards, Operation::Remove, self.store.remove(key)).await
                }
                Next::Key(_, key, PendingWrite::Put(bytes, ttl, _)) => {
                    let put = self.store.put(key, bytes, *ttl, None);
                    self.ask(guards, Operation::Put, put).await.map(|_| ())
                }
            };
            if let Err(error) = delivered {
                self.outbox.failed();
                return Err(error);
            }
            self.outbox.done(&next);
            self.announce(guards, &next).await;
        }
        Ok(())
    }

    /// Announces a removal to other processes. After a failure, their memory is out of date for at most its memory TTL.
    async fn announce(&self, guards: GuardContext<'_>, next: &Next) {
        if self.settings.memory_ttl.is_none() {
            return;
        }
        let notice = match next {
            Next::Key(_, _, PendingWrite::Remove(json) | PendingWrite::Put(_, _, json))
                if json.len() <= MAX_ANNOUNCED_KEY =>
            {
                Invalidation::Key(format!("{:016x}{json}", self.origin))
            }
            Next::All(_) | Next::Key(..) => Invalidation::All,
        };
        // The error is counted, and nothing else can be done about it.
        let _ = self.ask(guards, Operation::Remove, self.store.announce(&self.scope, &notice)).await;
    }

    /// Returns the key of an announcement by another cache.
    pub(crate) fn announced(&self, words: &str) -> Option<K> {
        let (origin, json) = words.split_at_checked(16)?;
        let by_others = u64::from_str_radix(origin, 16) != Ok(self.origin);
        (self.key_from_json?)(json).filter(|_| by_others)
    }

    /// Returns a key as JSON.
    pub(crate) fn json(&self, key: &K) -> Option<String> {
        (self.key_to_json)(key)
    }

    /// Adds the removal of a key to the outbox.
    pub(crate) fn drop_later(&self, json: String) {
        self.outbox.add(self.scope.key_from_json(&json), PendingWrite::Remove(json));
    }

    /// Adds the insertion of an entry to the outbox.
    pub(crate) fn put_later(&self, name: EntryName, bytes: Vec<u8>, ttl: Option<Duration>) {
        self.outbox.add(name.key, PendingWrite::Put(bytes, ttl, name.json));
    }
}
