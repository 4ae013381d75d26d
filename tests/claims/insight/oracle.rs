//! An oracle of miss reasons: an eviction listener that remembers every key that left the store.

use std::borrow::Borrow;
use std::collections::HashMap;
use std::hash::Hash;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use cachescope::ConfigError;
use cachescope::metrics::{EvictionReason, MissReason};
use cachescope::store::{Entry, Evictions, HashedKey, HashedRef, IntoStore, Simulator, Store, StoreUsage};
use cachescope_core::EvictionListener;

/// Remembers for each key why its last value left the store.
#[derive(Default)]
pub(crate) struct Oracle {
    on_evict: Mutex<HashMap<u64, MissReason>>,
    asked: AtomicU64,
}

impl Oracle {
    /// The reason why there is no entry of the last requested key.
    pub(crate) fn why(&self) -> MissReason {
        let on_evict = self.on_evict.lock().unwrap_or_else(PoisonError::into_inner);
        on_evict.get(&self.asked.load(Ordering::Relaxed)).copied().unwrap_or(MissReason::Cold)
    }

    /// Notes that the value of the last requested key wasn't stored.
    pub(crate) fn rejected(&self) {
        self.became(self.asked.load(Ordering::Relaxed), MissReason::Rejected);
    }

    fn became(&self, hash: u64, why: MissReason) {
        self.on_evict.lock().unwrap_or_else(PoisonError::into_inner).insert(hash, why);
    }
}

/// A store with an oracle as its eviction listener.
pub(crate) struct Overheard<C> {
    pub(crate) store: C,
    pub(crate) oracle: Arc<Oracle>,
}

/// Notifies the oracle and the listener of the cache.
struct Tee {
    oracle: Arc<Oracle>,
    evictions: Evictions,
}

impl EvictionListener for Tee {
    fn on_evict(&self, hash: u64, reason: EvictionReason) {
        let why = match reason {
            EvictionReason::Size => MissReason::Evicted,
            EvictionReason::Expired => MissReason::Expired,
            _ => MissReason::Invalidated,
        };
        self.oracle.became(hash, why);
        self.evictions.on_evict(hash, reason);
    }
}

impl<C: IntoStore<u64, u64>> IntoStore<u64, u64> for Overheard<C> {
    type Store = Overheard<C::Store>;

    fn into_store(self, evictions: Evictions) -> Result<Self::Store, ConfigError> {
        let heard = Evictions::default();
        heard.set_listener(Arc::new(Tee { oracle: Arc::clone(&self.oracle), evictions }));
        Ok(Overheard { store: self.store.into_store(heard)?, oracle: self.oracle })
    }
}

impl<S: Store<u64, u64>> Store<u64, u64> for Overheard<S> {
    type KeyEncoding = S::KeyEncoding;

    fn kind(&self) -> &'static str {
        self.store.kind()
    }

    fn get<Q: Hash + Eq + ?Sized>(&self, key: HashedRef<'_, Q>) -> Option<Entry<u64>>
    where
        u64: Borrow<Q>,
    {
        self.oracle.asked.store(key.hash(), Ordering::Relaxed);
        self.store.get(key)
    }

    fn contains<Q: Hash + Eq + ?Sized>(&self, key: HashedRef<'_, Q>) -> bool
    where
        u64: Borrow<Q>,
    {
        self.store.contains(key)
    }

    fn weigh(&self, key: &u64, value: &u64) -> u32 {
        self.store.weigh(key, value)
    }

    fn put(&self, key: HashedKey<u64>, entry: Entry<u64>) {
        self.store.put(key, entry);
    }

    fn remove<Q: Hash + Eq + ?Sized>(&self, key: HashedRef<'_, Q>)
    where
        u64: Borrow<Q>,
    {
        self.store.remove(key);
    }

    fn remove_if(&self, reason: EvictionReason, matches: &mut dyn FnMut(&u64, &Entry<u64>) -> bool) -> u64 {
        self.store.remove_if(reason, matches)
    }

    fn for_each(&self, visit: &mut dyn FnMut(&u64, &Entry<u64>)) {
        self.store.for_each(visit);
    }

    fn clear(&self) {
        self.store.clear();
    }

    fn usage(&self) -> StoreUsage {
        self.store.usage()
    }

    fn simulator(&self, capacity: u64, entries: usize) -> Option<Box<dyn Simulator>> {
        self.store.simulator(capacity, entries)
    }
}
