//! A store of one entry.

use std::borrow::Borrow;
use std::fmt;
use std::hash::Hash;
use std::sync::{Mutex, MutexGuard, PoisonError};

use cachescope::{
    ConfigError, Entry, EvictionReason, Evictions, HashedKey, HashedRef, IntoStore, Levels, Store, Unshared,
};

type Held = (HashedKey<u64>, Entry<u64>);

/// Holds one entry and allocates nothing, so that what is measured is the rest.
#[derive(Default)]
pub struct One {
    held: Mutex<Option<Held>>,
    on_get: Option<Box<dyn Fn() + Send + Sync>>,
}

impl fmt::Debug for One {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("One").finish_non_exhaustive()
    }
}

impl IntoStore<u64, u64> for One {
    type Store = Self;

    fn into_store(self, _: Evictions) -> Result<Self, ConfigError> {
        Ok(self)
    }
}

impl One {
    /// One that does this whenever it is asked for an entry: takes its time, say.
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

impl Store<u64, u64> for One {
    type Naming = Unshared;

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

    fn clear(&self) {
        self.drop_if(|_| true);
    }

    fn levels(&self) -> Levels {
        Levels::default()
    }
}
