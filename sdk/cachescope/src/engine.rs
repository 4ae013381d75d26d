//! One cache: what all clones of a `Cached` share.

use std::borrow::Borrow;
use std::hash::{BuildHasher, Hash};
use std::sync::{Arc, Weak};
use std::time::Duration;

use cachescope_core::{
    Clock, Entry, HashedKey, HashedRef, Identity, Levels, Operation, Recorder, Registration, Source, Store, Ticking,
};
use foldhash::fast::RandomState;

use crate::admission::Admission;
use crate::books::Books;
use crate::flight::{Answer, Flights};
use crate::live::Live;
use crate::loader::Loader;
use crate::metrics::CacheMetrics;
use crate::policy::Policy;
use crate::spans::Spans;

/// What all who waited for a load share.
type Landed<V, E> = Arc<Answer<V, E>>;

/// A value was stored.
struct Put {
    took: Duration,
    /// In bytes, where that is known.
    size: Option<u64>,
}

/// One cache. How a request looks is in `look_up`, how it goes on where nothing fresh was found, in `miss`.
pub(crate) struct Engine<K, V, E, S> {
    pub(crate) store: S,
    pub(crate) recorder: Arc<Recorder>,
    pub(crate) clock: Clock,
    pub(crate) policy: Policy<V>,
    pub(crate) admission: Admission<V>,
    pub(crate) loader: Loader<K, V, E>,
    /// How long a request waits for another's load.
    pub(crate) wait_timeout: Option<Duration>,
    pub(crate) flights: Arc<Flights<K, V, E>>,
    /// For loads that go on behind a request.
    pub(crate) this: Weak<Self>,
    pub(crate) spans: Spans,
    pub(crate) hasher: RandomState,
    /// Only where entries expire: without expiry nobody asks for the time on a hit.
    pub(crate) _ticking: Option<Ticking>,
    pub(crate) _registration: Registration,
}

impl<K, V, E, S> Engine<K, V, E, S>
where
    K: Hash + Eq + Clone + Send + Sync + 'static,
    V: Clone + Send + Sync + 'static,
    E: Send + Sync + 'static,
    S: Store<K, V>,
{
    #[inline(always)]
    pub(crate) fn hash<Q: Hash + ?Sized>(&self, key: &Q) -> u64 {
        self.hasher.hash_one(key)
    }

    pub(crate) fn books(&self) -> Books<'_> {
        Books { recorder: &self.recorder, spans: &self.spans, clock: &self.clock }
    }

    /// Hands an answer to `land`, which keeps it under its lock if it may, and then tells how long that took.
    pub(crate) fn land(
        &self,
        land: impl FnOnce(&mut dyn FnMut(&HashedKey<K>, &Answer<V, E>)) -> Landed<V, E>,
    ) -> Landed<V, E> {
        let mut put = None;
        let answer = land(&mut |key, answer| {
            put = answer.as_ref().ok().and_then(|value| self.store_value(key.clone(), value.clone()));
        });
        self.tell_put(put);
        answer
    }

    /// Stores a value, unless it isn't to be kept, and says what is to be told of that. Runs under the lock of the
    /// key's flights, which telemetry needs when it collects: so it is told later.
    fn store_value(&self, key: HashedKey<K>, value: V) -> Option<Put> {
        let size = match self.admission.admit(&value) {
            Ok(size) => size,
            Err(reason) => {
                self.recorder.rejected(reason);
                return None;
            }
        };
        let stored_at = self.clock.now();
        let random = self.hasher.hash_one((key.hash(), stored_at));
        let fresh_until = self.policy.fresh_until(&value, stored_at, random);
        self.store.put(key, Entry { value, stored_at, fresh_until });
        Some(Put { took: self.clock.now().since(stored_at), size })
    }

    fn tell_put(&self, put: Option<Put>) {
        let Some(Put { took, size }) = put else { return };
        self.recorder.operation(Operation::Put, took);
        if let Some(size) = size {
            self.recorder.entry_stored(size);
        }
    }

    /// Stores a value that was not loaded here. A load that began before is not stored over it.
    pub(crate) fn insert(&self, key: HashedKey<K>, value: V) {
        // The key is needed for the look at the flights and then by the store.
        let (stored, mut put) = (key.clone(), None);
        self.flights.invalidate(key.as_ref(), || put = self.store_value(stored, value));
        self.tell_put(put);
    }

    pub(crate) fn invalidate<Q>(&self, key: &Q)
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        let key = HashedRef::new(self.hash(key), key);
        let start = self.clock.now();
        self.flights.invalidate(key, || self.store.remove(key));
        self.recorder.operation(Operation::Remove, self.clock.now().since(start));
    }

    pub(crate) fn clear(&self) {
        let start = self.clock.now();
        self.flights.clear(|| self.store.clear());
        self.recorder.operation(Operation::Clear, self.clock.now().since(start));
    }
}

impl<K, V, E, S> Source for Engine<K, V, E, S>
where
    K: Hash + Eq + Clone + Send + Sync + 'static,
    V: Clone + Send + Sync + 'static,
    E: Send + Sync + 'static,
    S: Store<K, V>,
{
    fn levels(&self) -> Levels {
        self.store.levels()
    }

    fn longest_wait(&self) -> Duration {
        self.flights.oldest_wait().map_or(Duration::ZERO, |since| self.clock.now().since(since))
    }
}

impl<K, V, E, S> Live for Engine<K, V, E, S>
where
    K: Hash + Eq + Clone + Send + Sync + 'static,
    V: Clone + Send + Sync + 'static,
    E: Send + Sync + 'static,
    S: Store<K, V>,
{
    fn identity(&self) -> &Identity {
        self.recorder.identity()
    }

    fn metrics(&self) -> CacheMetrics<'_> {
        CacheMetrics::new(&self.recorder, self)
    }

    fn clear(&self) {
        Engine::clear(self);
    }
}
