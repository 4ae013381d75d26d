//! The weight of an entry, kept with its key.

use std::borrow::Borrow;
use std::hash::{Hash, Hasher};

use cachescope_core::{HashedKey, HashedRef};
use quick_cache::{Equivalent, Weighter};

/// A key with the weight of its entry.
///
/// quick_cache reads the weight of an entry each time it moves the entry, under a lock. A weight that changes would
/// corrupt its counts, so the user's size function runs once. The weight is kept with the key, because a hit clones the
/// value.
pub(crate) struct WeightedKey<K> {
    pub(crate) key: HashedKey<K>,
    pub(crate) weight: u64,
}

impl<K: Eq> PartialEq for WeightedKey<K> {
    fn eq(&self, other: &Self) -> bool {
        self.key == other.key
    }
}

impl<K: Eq> Eq for WeightedKey<K> {}

impl<K> Hash for WeightedKey<K> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        Hash::hash(&self.key, state);
    }
}

impl<K: Borrow<Q>, Q: Eq + ?Sized> Equivalent<WeightedKey<K>> for HashedRef<'_, Q> {
    #[inline]
    fn equivalent(&self, stored: &WeightedKey<K>) -> bool {
        self.equivalent(&stored.key)
    }
}

/// Returns the stored weight to quick_cache.
#[derive(Clone)]
pub(crate) struct StoredWeight;

impl<K, T> Weighter<WeightedKey<K>, T> for StoredWeight {
    fn weight(&self, key: &WeightedKey<K>, _: &T) -> u64 {
        key.weight
    }
}
