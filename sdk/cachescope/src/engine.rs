//! One cache: what all clones of a `Cached` share.

use std::borrow::Borrow;
use std::hash::{BuildHasher, Hash};
use std::sync::{Arc, Weak};
use std::time::Duration;

#[cfg(feature = "persist")]
use cachescope_core::Totals;
use cachescope_core::{
    CAPACITY_MULTIPLES, Clock, Entry, EvictionReason, HashedKey, HashedRef, Identity, Levels, Moment, Naming,
    Operation, Recorder, Registration, RejectionReason, Source, Store, Ticking, Tier,
};
use foldhash::fast::RandomState;

use crate::admission::Admission;
use crate::background::Background;
use crate::batch::BatchLoader;
use crate::books::Books;
use crate::bounds::{CacheKey, CacheValue, LoadError};
use crate::errors::Errors;
use crate::flight::{Answer, Flights};
use crate::insight::{Insight, Seen, Watcher};
use crate::live::Live;
use crate::load_limit::LoadLimit;
use crate::loader::Loader;
use crate::metrics::{CacheMetrics, Ledger};
use crate::policy::Policy;
#[cfg(feature = "shared")]
use crate::shared::SharedTier;
use crate::spans::Spans;
use crate::tags::{CountedTags, Tags};

/// What all who waited for a load share.
type Landed<V, E> = Arc<Answer<V, E>>;

/// Makes the error of a request that waited too long.
pub(crate) type WaitError<E> = Box<dyn Fn() -> E + Send + Sync>;

/// Makes the name of a key.
pub(crate) type KeyName<K> = Box<dyn Fn(&K) -> String + Send + Sync>;

/// A value as it is kept.
pub(crate) struct Kept<V> {
    pub(crate) entry: Entry<V>,
    /// In bytes, where that is known.
    size: Option<u64>,
}

/// A value was stored.
pub(crate) struct Put {
    pub(crate) at: Moment,
    took: Duration,
    /// In bytes, where that is known.
    size: Option<u64>,
    pub(crate) weight: u32,
}

/// One cache. How a request looks is in `look_up`, how it goes on where nothing fresh was found, in `miss`.
pub(crate) struct Engine<K, V, E, S> {
    pub(crate) store: S,
    /// What stands behind the store, for several processes.
    #[cfg(feature = "shared")]
    pub(crate) shared: Option<Arc<SharedTier<K, V>>>,
    pub(crate) recorder: Arc<Recorder>,
    pub(crate) clock: Clock,
    pub(crate) policy: Policy<V>,
    pub(crate) admission: Admission<V>,
    pub(crate) errors: Option<Errors<K, E>>,
    pub(crate) tags: Option<Tags<K, V>>,
    /// Only where telemetry is to name tags.
    pub(crate) counted_tags: Option<CountedTags>,
    pub(crate) loader: Loader<K, V, E>,
    pub(crate) batch_loader: Option<BatchLoader<K, V, E>>,
    pub(crate) load_limit: Option<LoadLimit>,
    /// Whether a load goes on whose request is dropped.
    pub(crate) finishes_cancelled_loads: bool,
    /// How long a request waits for another's load.
    pub(crate) wait_timeout: Option<Duration>,
    /// What a request has that waited as long; `None` where it loads for itself.
    pub(crate) wait_error: Option<WaitError<E>>,
    pub(crate) flights: Arc<Flights<K, V, E>>,
    pub(crate) background: Background,
    /// What insight is gained by; `None` where it isn't wanted.
    pub(crate) watcher: Option<Arc<Watcher>>,
    /// Makes names of keys for telemetry, where the user wants that.
    pub(crate) key_name: Option<KeyName<K>>,
    pub(crate) ledger: Ledger,
    /// For what goes on behind a request.
    pub(crate) this: Weak<Self>,
    pub(crate) spans: Spans,
    pub(crate) hasher: RandomState,
    /// Only where entries expire or a store is shared: else nobody asks for the time, or waits for it.
    pub(crate) _ticking: Option<Ticking>,
    pub(crate) _registration: Registration,
}

impl<K: CacheKey, V: CacheValue, E: LoadError, S: Store<K, V>> Engine<K, V, E, S> {
    #[inline(always)]
    pub(crate) fn hash<Q: Hash + ?Sized>(&self, key: &Q) -> u64 {
        self.hasher.hash_one(key)
    }

    pub(crate) fn books(&self) -> Books<'_> {
        Books { recorder: &self.recorder, spans: &self.spans, clock: &self.clock }
    }

    /// Has `land` keep, under its lock and if it may, the answer of a load that took `cost`; and then tells how long
    /// that took. Says whether it was stored.
    pub(crate) fn keep(
        &self,
        cost: Duration,
        prepared: Option<Result<Kept<V>, RejectionReason>>,
        land: impl FnOnce(&mut dyn FnMut(&HashedKey<K>, &Answer<V, E>)) -> Landed<V, E>,
    ) -> (Landed<V, E>, Option<Put>) {
        let (mut put, mut prepared) = (None, prepared);
        let answer = land(&mut |key, answer| match (answer, &self.errors) {
            (Ok(value), _) => {
                let kept = prepared.take().unwrap_or_else(|| self.prepare(key, value.clone(), cost));
                put = self.store_value(key.clone(), kept);
            }
            (Err(error), Some(errors)) => errors.remember(key.clone(), error, self.clock.now()),
            (Err(_), None) => {}
        });
        self.tell_put(put.as_ref());
        (answer, put)
    }

    /// How a value whose load took `cost` is kept, or why it isn't.
    pub(crate) fn prepare(&self, key: &HashedKey<K>, value: V, cost: Duration) -> Result<Kept<V>, RejectionReason> {
        let size = self.admission.admit(&value)?;
        let stored_at = self.clock.now();
        let random = self.hasher.hash_one((key.hash(), stored_at));
        let weight = self.store.weigh(key.key(), &value);
        Ok(Kept { entry: Entry { weight, ..self.policy.entry(value, stored_at, cost, random) }, size })
    }

    /// Stores a value, unless it isn't to be kept, and says what is to be told of that. Runs under the lock of the
    /// key's flights, which telemetry needs when it collects: so it is told later.
    fn store_value(&self, key: HashedKey<K>, kept: Result<Kept<V>, RejectionReason>) -> Option<Put> {
        self.errors.iter().for_each(|errors| errors.forget(key.as_ref()));
        let Kept { entry, size } = match kept {
            Ok(kept) => kept,
            Err(reason) => {
                self.recorder.rejected(reason);
                self.watcher.iter().for_each(|watcher| watcher.rejected(key.hash()));
                return None;
            }
        };
        let (start, weight) = (self.clock.now(), entry.weight);
        self.store.put(key, self.policy.in_memory(entry, start));
        let at = self.clock.now();
        Some(Put { at, took: at.since(start), size, weight })
    }

    /// An operation on the store in memory took so long.
    fn tell_operation(&self, operation: Operation, took: Duration) {
        #[cfg(feature = "shared")]
        if !self.has_memory() {
            return;
        }
        self.recorder.operation(Tier::L1, operation, took);
    }

    fn tell_put(&self, put: Option<&Put>) {
        let Some(put) = put else { return };
        self.tell_operation(Operation::Put, put.took);
        if let Some(size) = put.size {
            self.recorder.entry_stored(size);
        }
    }

    /// Stores a value that was not loaded here. A load that began before is not stored over it.
    pub(crate) fn insert(&self, key: HashedKey<K>, value: V) {
        // The key is needed for the look at the flights and then by the store.
        let (stored, mut put) = (key.clone(), None);
        self.flights.invalidate(key.as_ref(), || {
            let mut kept = self.prepare(&key, value, Duration::ZERO);
            if let Ok(kept) = &mut kept {
                // What it would have cost to load isn't known: as much as others.
                kept.entry.cost = self.recorder.mean_load();
            }
            #[cfg(feature = "shared")]
            match &kept {
                Ok(kept) => self.put_shared(&key, &kept.entry),
                Err(_) => self.drop_shared_key(key.key()),
            }
            put = self.store_value(stored, kept);
        });
        self.tell_put(put.as_ref());
        if let Some(put) = put {
            self.saw(key.hash(), put.at, Seen::Refreshed { weight: put.weight });
        }
    }

    pub(crate) fn invalidate<Q>(&self, key: &Q)
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
        S::Naming: Naming<Q>,
    {
        let key = HashedRef::new(self.hash(key), key);
        let start = self.clock.now();
        self.flights.invalidate(key, || {
            self.store.remove(key);
            self.errors.iter().for_each(|errors| errors.forget(key));
            #[cfg(feature = "shared")]
            self.drop_shared(S::Naming::json(key.key()));
        });
        self.tell_operation(Operation::Remove, self.clock.now().since(start));
    }

    /// Drops what `matches` says true for. Since a load under way may give such a value, none that began before is
    /// stored.
    pub(crate) fn invalidate_if(&self, mut matches: impl FnMut(&K, &V) -> bool) -> u64 {
        let start = self.clock.now();
        let mut dropped = 0;
        self.flights.clear(|| {
            let matches = &mut |key: &K, entry: &Entry<V>| {
                let dropped = matches(key, &entry.value);
                if dropped {
                    // Whatever drops an entry forgets its key's error.
                    self.errors.iter().for_each(|errors| errors.forget(HashedRef::new(self.hash(key), key)));
                }
                dropped
            };
            dropped = self.store.remove_if(EvictionReason::Invalidated, matches);
            // A shared store can't be asked for what matches.
            #[cfg(feature = "shared")]
            self.clear_shared();
        });
        self.tell_operation(Operation::Remove, self.clock.now().since(start));
        dropped
    }

    /// Drops what has this tag.
    pub(crate) fn invalidate_tag(&self, tag: &str) -> u64 {
        let Some(tags) = &self.tags else { return 0 };
        let dropped = self.invalidate_if(|key, value| tags.has(key, value, tag));
        if let Some(counted) = &self.counted_tags {
            self.recorder.tag_invalidated(counted.name(tag), dropped);
        }
        dropped
    }

    /// Ends a slice of the cache's history, if it has been long enough.
    pub(crate) fn turn(&self) {
        self.ledger.turn();
        self.watcher.iter().for_each(|watcher| watcher.resume());
    }

    /// Ends what goes on behind requests, and saves what is kept for the next process.
    pub(crate) async fn close(&self) {
        self.background.close().await;
        #[cfg(feature = "persist")]
        self.keep_metrics();
    }

    /// Saves the cache's numbers for the next process.
    #[cfg(feature = "persist")]
    pub(crate) fn keep_metrics(&self) {
        self.ledger.keep();
    }

    /// Drops what is past all use.
    pub(crate) fn clean_up(&self) {
        let now = self.clock.now();
        let is_spent = &mut |_: &K, entry: &Entry<V>| self.policy.is_spent(entry, now);
        // No load lands meanwhile: a value that is just stored isn't taken for the one it replaced.
        self.flights.hold(|| self.store.remove_if(EvictionReason::Expired, is_spent));
    }

    pub(crate) fn clear(&self) {
        let start = self.clock.now();
        self.flights.clear(|| {
            self.store.clear();
            self.errors.iter().for_each(Errors::clear);
            #[cfg(feature = "shared")]
            self.clear_shared();
        });
        self.watcher.iter().for_each(|watcher| watcher.cleared());
        // Settles the store: who asks for an entry is to be told why it isn't there.
        self.store.levels();
        self.tell_operation(Operation::Clear, self.clock.now().since(start));
    }
}

impl<K: CacheKey, V: CacheValue, E: LoadError, S: Store<K, V>> Source for Engine<K, V, E, S> {
    fn levels(&self) -> Levels {
        #[cfg(feature = "shared")]
        if let Some(levels) = self.shared_levels() {
            return levels;
        }
        self.store.levels()
    }

    fn longest_wait(&self) -> Duration {
        let in_queue = self.load_limit.as_ref().and_then(LoadLimit::oldest_wait);
        let oldest = self.flights.oldest_wait().into_iter().chain(in_queue).min();
        oldest.map_or(Duration::ZERO, |since| self.clock.now().since(since))
    }

    fn curve(&self) -> Option<[f64; CAPACITY_MULTIPLES.len()]> {
        Live::insight(self).curve()?.hit_rates()
    }

    #[cfg(feature = "persist")]
    fn restored(&self) -> Option<Totals> {
        self.ledger.reported()
    }
}

impl<K: CacheKey, V: CacheValue, E: LoadError, S: Store<K, V>> Live for Engine<K, V, E, S> {
    fn identity(&self) -> &Identity {
        self.recorder.identity()
    }

    fn metrics(&self) -> CacheMetrics<'_> {
        CacheMetrics { ledger: &self.ledger, source: self }
    }

    fn insight(&self) -> Insight<'_> {
        Insight::of(self)
    }

    fn clear(&self) {
        Engine::clear(self);
    }
}
