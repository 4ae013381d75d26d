//! A store whose departures somebody hears of who remembers them all.

use std::borrow::Borrow;
use std::collections::HashMap;
use std::hash::Hash;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use cachescope::{
    ConfigError, Entry, EvictionReason, Evictions, HashedKey, HashedRef, IntoStore, Levels, MissReason, Simulator,
    Store,
};
use cachescope_core::Remembers;

/// Remembers of each key what became of its last value.
#[derive(Default)]
pub(crate) struct Oracle {
    left: Mutex<HashMap<u64, MissReason>>,
    asked: AtomicU64,
}

impl Oracle {
    /// Why there is no entry of the key that was asked for last.
    pub(crate) fn why(&self) -> MissReason {
        let left = self.left.lock().unwrap_or_else(PoisonError::into_inner);
        left.get(&self.asked.load(Ordering::Relaxed)).copied().unwrap_or(MissReason::Cold)
    }

    /// The value of the key that was asked for last isn't kept.
    pub(crate) fn rejected(&self) {
        self.became(self.asked.load(Ordering::Relaxed), MissReason::Rejected);
    }

    fn became(&self, hash: u64, why: MissReason) {
        self.left.lock().unwrap_or_else(PoisonError::into_inner).insert(hash, why);
    }
}

/// A store that an oracle listens to.
pub(crate) struct Overheard<C> {
    pub(crate) store: C,
    pub(crate) oracle: Arc<Oracle>,
}

/// Tells the oracle, and those it stands before.
struct Tee {
    oracle: Arc<Oracle>,
    evictions: Evictions,
}

impl Remembers for Tee {
    fn left(&self, hash: u64, reason: EvictionReason) {
        let why = match reason {
            EvictionReason::Size => MissReason::Evicted,
            EvictionReason::Expired => MissReason::Expired,
            _ => MissReason::Invalidated,
        };
        self.oracle.became(hash, why);
        self.evictions.left(hash, reason);
    }
}

impl<C: IntoStore<u64, u64>> IntoStore<u64, u64> for Overheard<C> {
    type Store = Overheard<C::Store>;

    fn into_store(self, evictions: Evictions) -> Result<Self::Store, ConfigError> {
        let heard = Evictions::default();
        heard.remembered_by(Arc::new(Tee { oracle: Arc::clone(&self.oracle), evictions }));
        Ok(Overheard { store: self.store.into_store(heard)?, oracle: self.oracle })
    }
}

impl<S: Store<u64, u64>> Store<u64, u64> for Overheard<S> {
    type Naming = S::Naming;

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

    fn clear(&self) {
        self.store.clear();
    }

    fn levels(&self) -> Levels {
        self.store.levels()
    }

    fn simulator(&self, capacity: u64, entries: usize) -> Option<Box<dyn Simulator>> {
        self.store.simulator(capacity, entries)
    }
}
