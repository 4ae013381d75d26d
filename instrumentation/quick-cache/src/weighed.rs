//! What room an entry takes, kept with its key.

use std::borrow::Borrow;
use std::hash::{Hash, Hasher};

use cachescope_core::{HashedKey, HashedRef};
use quick_cache::{Equivalent, Weighter};

/// A key with the weight of its entry.
///
/// quick_cache asks for an entry's weight again each time it moves it, under a lock, and goes wrong should
/// the answer change: so the user's function is asked once. With the key, since a hit clones the value.
pub(crate) struct Weighed<K> {
    pub(crate) key: HashedKey<K>,
    pub(crate) weight: u64,
}

impl<K: Eq> PartialEq for Weighed<K> {
    fn eq(&self, other: &Self) -> bool {
        self.key == other.key
    }
}

impl<K: Eq> Eq for Weighed<K> {}

impl<K> Hash for Weighed<K> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        Hash::hash(&self.key, state);
    }
}

impl<K: Borrow<Q>, Q: Eq + ?Sized> Equivalent<Weighed<K>> for HashedRef<'_, Q> {
    #[inline]
    fn equivalent(&self, stored: &Weighed<K>) -> bool {
        self.equivalent(&stored.key)
    }
}

/// Tells quick_cache the weight that the key brings along.
#[derive(Clone)]
pub(crate) struct BroughtWeight;

impl<K, T> Weighter<Weighed<K>, T> for BroughtWeight {
    fn weight(&self, key: &Weighed<K>, _: &T) -> u64 {
        key.weight
    }
}
