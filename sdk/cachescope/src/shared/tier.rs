//! The shared store of one cache, asked with a time limit, through a breaker, and counted.

use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use cachescope_core::shared::{
    ByteStore, Corrupt, Notice, Scope, SharedSettings, SharedStore, StoreError, StoreFuture, StoreKey, StoreSize,
    StoredValue, Wire,
};
use cachescope_core::{Clock, Operation, StoreErrorKind, Tier};

use super::breaker::{Breaker, Change};
use super::coding::Coding;
use super::limit::within;
use super::outbox::{Next, Order, Outbox};
use crate::books::Books;

/// Longer keys are announced by dropping all: a back plane's messages are small.
const LONGEST_NOTICE: usize = 4_096;
/// Dropping all of a cache looks at every key of the store, one batch after the other.
const CLEARING: u32 = 60;

/// The store behind a cache.
pub(crate) struct SharedTier<K, V> {
    pub(crate) store: Arc<dyn ByteStore>,
    pub(crate) scope: Scope,
    pub(crate) coding: Coding,
    pub(crate) settings: SharedSettings,
    pub(crate) outbox: Outbox,
    /// Whether somebody listens to what others drop, or has done so.
    pub(crate) listens: AtomicBool,
    /// Whether it is kept up, or has been.
    pub(crate) kept_up: AtomicBool,
    /// How often; `None` is as usual.
    pub(crate) upkeep: Option<Duration>,
    /// How much it held when it was last asked.
    pub(crate) size: Mutex<StoreSize>,
    /// The key of a name, for what others announce.
    pub(crate) key_of: Option<fn(&str) -> Option<K>>,
    json_of: fn(&K) -> Option<String>,
    wire: Wire<V>,
    breaker: Breaker,
    /// Tells what this cache announced from what others did.
    origin: u64,
}

/// What an entry is called.
#[derive(Clone)]
pub(crate) struct Name {
    pub(crate) key: StoreKey,
    json: String,
}

impl<K, V> SharedTier<K, V> {
    /// `origin` is a number that no other cache has.
    pub(crate) fn new(shared: SharedStore<K, V>, origin: u64, upkeep: Option<Duration>) -> Self {
        let SharedStore { store, scope, json_of, key_of, wire, settings } = shared;
        let breaker = Breaker::new(settings.failures, settings.pause);
        Self {
            store,
            scope,
            coding: Coding::default(),
            settings,
            outbox: Outbox::default(),
            listens: AtomicBool::new(false),
            kept_up: AtomicBool::new(false),
            upkeep,
            size: Mutex::default(),
            key_of,
            json_of,
            wire,
            breaker,
            origin,
        }
    }

    /// What the entry of `key` is called; `None` if it can't be serialized, and therefore not shared.
    pub(crate) fn name(&self, key: &K) -> Option<Name> {
        let json = self.json(key)?;
        Some(Name { key: self.scope.key_of_json(&json), json })
    }

    /// The bytes that are stored of an entry.
    pub(crate) fn encode(&self, clock: &Clock, name: &Name, stored: &StoredValue<V>) -> Result<Vec<u8>, StoreError>
    where
        V: 'static,
    {
        self.coding.timed(clock, || self.wire.encode(&name.key, stored))
    }

    /// The entry that these bytes are stored of.
    pub(crate) fn decode(&self, clock: &Clock, name: &Name, bytes: &[u8]) -> Result<StoredValue<V>, Corrupt>
    where
        V: 'static,
    {
        self.coding.timed(clock, || self.wire.decode(&name.key, bytes))
    }

    /// What `asked` gives, or why not.
    pub(crate) async fn ask<T>(
        &self,
        books: Books<'_>,
        operation: Operation,
        asked: StoreFuture<'_, T>,
    ) -> Result<T, StoreError> {
        self.ask_within(books, operation, self.settings.timeout, asked).await
    }

    async fn ask_within<T>(
        &self,
        books: Books<'_>,
        operation: Operation,
        timeout: Duration,
        asked: StoreFuture<'_, T>,
    ) -> Result<T, StoreError> {
        let Books { recorder, clock, .. } = books;
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
        let cache = &recorder.identity().cache;
        let change = match &outcome {
            Err(error) if matches!(error.kind(), StoreErrorKind::Timeout | StoreErrorKind::Unreachable) => {
                pass.failed(end)
            }
            Ok(_) | Err(_) => pass.succeeded(),
        };
        if let Err(error) = &outcome {
            recorder.store_failed(operation, error.kind());
            tracing::debug!(cache, operation = operation.as_str(), %error, "a shared store failed");
        }
        match change {
            Change::Opened => tracing::warn!(cache, store = self.store.kind(), "left alone: it keeps failing"),
            Change::Closed => tracing::info!(cache, store = self.store.kind(), "it answers again"),
            Change::None => {}
        }
        outcome
    }

    /// Tells the store what it is yet to be told.
    pub(crate) async fn deliver(&self, books: Books<'_>) -> Result<(), StoreError> {
        let _turn = self.outbox.turn.lock().await;
        while let Some(next) = self.outbox.next() {
            let told = match &next {
                Next::All(_) => {
                    let clear = self.store.clear(&self.scope);
                    let timeout = self.settings.timeout.saturating_mul(CLEARING);
                    self.ask_within(books, Operation::Clear, timeout, clear).await
                }
                Next::Key(_, key, Order::Remove(_)) => self.ask(books, Operation::Remove, self.store.remove(key)).await,
                Next::Key(_, key, Order::Put(bytes, life, _)) => {
                    let put = self.store.put(key, bytes, *life, None);
                    self.ask(books, Operation::Put, put).await.map(|_| ())
                }
            };
            if let Err(error) = told {
                self.outbox.failed();
                return Err(error);
            }
            self.outbox.done(&next);
            self.announce(books, &next).await;
        }
        Ok(())
    }

    /// Tells other processes what was dropped. Where that fails, their memory is behind for no longer than it is
    /// believed.
    async fn announce(&self, books: Books<'_>, next: &Next) {
        if self.settings.memory_life.is_none() {
            return;
        }
        let notice = match next {
            Next::Key(_, _, Order::Remove(json) | Order::Put(_, _, json)) if json.len() <= LONGEST_NOTICE => {
                Notice::Key(format!("{:016x}{json}", self.origin))
            }
            Next::All(_) | Next::Key(..) => Notice::All,
        };
        // An error is counted, and there is nothing else to do about it.
        let _ = self.ask(books, Operation::Remove, self.store.announce(&self.scope, &notice)).await;
    }

    /// The key that somebody else announced.
    pub(crate) fn announced(&self, words: &str) -> Option<K> {
        let (origin, json) = words.split_at_checked(16)?;
        let by_others = u64::from_str_radix(origin, 16) != Ok(self.origin);
        (self.key_of?)(json).filter(|_| by_others)
    }

    /// A key as JSON.
    pub(crate) fn json(&self, key: &K) -> Option<String> {
        (self.json_of)(key)
    }

    /// The key of this JSON is to be dropped.
    pub(crate) fn drop_later(&self, json: String) {
        self.outbox.add(self.scope.key_of_json(&json), Order::Remove(json));
    }

    /// `name` is to be stored.
    pub(crate) fn put_later(&self, name: Name, bytes: Vec<u8>, life: Option<Duration>) {
        self.outbox.add(name.key, Order::Put(bytes, life, name.json));
    }
}
