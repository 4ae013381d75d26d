//! A store of a single entry.

use std::borrow::Borrow;
use std::fmt;
use std::hash::Hash;
use std::sync::{Mutex, MutexGuard, PoisonError};

use cachescope::ConfigError;
use cachescope::metrics::EvictionReason;
use cachescope::store::{Entry, Evictions, HashedKey, HashedRef, IntoStore, NoKeys, Store, StoreUsage};

type Held = (HashedKey<u64>, Entry<u64>);

/// A store of a single entry, which allocates nothing, so that measurements are of the rest.
#[derive(Default)]
pub struct SingleEntry {
    held: Mutex<Option<Held>>,
    on_get: Option<Box<dyn Fn() + Send + Sync>>,
}

impl fmt::Debug for SingleEntry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SingleEntry").finish_non_exhaustive()
    }
}

impl IntoStore<u64, u64> for SingleEntry {
    type Store = Self;

    fn into_store(self, _: Evictions) -> Result<Self, ConfigError> {
        Ok(self)
    }
}

impl SingleEntry {
    /// Creates a store that calls `act` in every look-up, for example to advance a clock.
    pub fn on_get(act: impl Fn() + Send + Sync + 'static) -> Self {
        Self { on_get: Some(Box::new(act)), ..Self::default() }
    }

    fn lock(&self) -> MutexGuard<'_, Option<Held>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn drop_if(&self, matches: impl FnOnce(&Held) -> bool) -> u64 {
        u64::from(self.lock().take_if(|held| matches(held)).is_some())
    }
}

impl Store<u64, u64> for SingleEntry {
    type KeyEncoding = NoKeys;

    fn kind(&self) -> &'static str {
        "one"
    }

    fn get<Q: Hash + Eq + ?Sized>(&self, key: HashedRef<'_, Q>) -> Option<Entry<u64>>
    where
        u64: Borrow<Q>,
    {
        self.on_get.iter().for_each(|act| act());
        let held = self.lock();
        held.as_ref().filter(|(held, _)| *held.key().borrow() == *key.key()).map(|(_, entry)| entry.clone())
    }

    fn contains<Q: Hash + Eq + ?Sized>(&self, key: HashedRef<'_, Q>) -> bool
    where
        u64: Borrow<Q>,
    {
        self.get(key).is_some()
    }

    fn put(&self, key: HashedKey<u64>, entry: Entry<u64>) {
        *self.lock() = Some((key, entry));
    }

    fn remove<Q: Hash + Eq + ?Sized>(&self, key: HashedRef<'_, Q>)
    where
        u64: Borrow<Q>,
    {
        self.drop_if(|(held, _)| *held.key().borrow() == *key.key());
    }

    fn remove_if(&self, _: EvictionReason, matches: &mut dyn FnMut(&u64, &Entry<u64>) -> bool) -> u64 {
        self.drop_if(|(key, entry)| matches(key.key(), entry))
    }

    fn for_each(&self, visit: &mut dyn FnMut(&u64, &Entry<u64>)) {
        self.lock().iter().for_each(|(key, entry)| visit(key.key(), entry));
    }

    fn clear(&self) {
        self.drop_if(|_| true);
    }

    fn usage(&self) -> StoreUsage {
        StoreUsage::default()
    }
}
