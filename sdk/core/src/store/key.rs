//! Keys with their hashes. The look-up, the single flight and the key samples all use the same hash, which is computed
//! once.

use std::borrow::Borrow;
use std::hash::{BuildHasher, Hash, Hasher};

use equivalent::Equivalent;

/// A key with its hash, as a store keeps it.
#[derive(Clone, Debug)]
pub struct HashedKey<K> {
    hash: u64,
    key: K,
}

impl<K> HashedKey<K> {
    /// Creates a key with its hash, which must come from the hasher of the cache.
    pub const fn new(hash: u64, key: K) -> Self {
        Self { hash, key }
    }

    /// Returns the hash.
    pub const fn hash(&self) -> u64 {
        self.hash
    }

    /// Returns the key.
    pub const fn key(&self) -> &K {
        &self.key
    }

    /// Returns the key without its hash.
    pub fn into_key(self) -> K {
        self.key
    }

    /// Returns the key as a reference, for a look-up.
    pub const fn as_ref(&self) -> HashedRef<'_, K> {
        HashedRef { hash: self.hash, key: &self.key }
    }
}

impl<K: Eq> PartialEq for HashedKey<K> {
    fn eq(&self, other: &Self) -> bool {
        self.hash == other.hash && self.key == other.key
    }
}

impl<K: Eq> Eq for HashedKey<K> {}

impl<K> Hash for HashedKey<K> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.hash);
    }
}

/// A borrowed key with its hash, for a look-up. A `str` finds a `String`.
#[derive(Debug)]
pub struct HashedRef<'a, Q: ?Sized> {
    hash: u64,
    key: &'a Q,
}

impl<'a, Q: ?Sized> HashedRef<'a, Q> {
    /// Creates a borrowed key with its hash, which must come from the hasher of the cache.
    pub const fn new(hash: u64, key: &'a Q) -> Self {
        Self { hash, key }
    }

    /// Returns the hash.
    pub const fn hash(&self) -> u64 {
        self.hash
    }

    /// Returns the key.
    pub const fn key(&self) -> &'a Q {
        self.key
    }
}

impl<Q: ?Sized> Clone for HashedRef<'_, Q> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<Q: ?Sized> Copy for HashedRef<'_, Q> {}

impl<Q: ?Sized> Hash for HashedRef<'_, Q> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.hash);
    }
}

impl<K: Borrow<Q>, Q: Eq + ?Sized> Equivalent<HashedKey<K>> for HashedRef<'_, Q> {
    fn equivalent(&self, stored: &HashedKey<K>) -> bool {
        self.hash == stored.hash && *self.key == *stored.key.borrow()
    }
}

/// Builds hashers that return the hash stored in a [`HashedKey`] or [`HashedRef`].
#[derive(Clone, Copy, Debug, Default)]
pub struct PrehashedBuildHasher;

impl BuildHasher for PrehashedBuildHasher {
    type Hasher = PrehashedHasher;

    fn build_hasher(&self) -> PrehashedHasher {
        PrehashedHasher(0)
    }
}

/// The hasher that [`PrehashedBuildHasher`] builds.
#[derive(Clone, Copy, Debug)]
pub struct PrehashedHasher(u64);

impl Hasher for PrehashedHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }

    /// Keys write themselves with `write_u64`. This method is for a store that hashes other values of its own.
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn borrowed_key_finds_stored_key_with_the_same_hash() {
        let stored = HashedKey::new(7, "ada".to_owned());
        assert!(HashedRef::new(7, "ada").equivalent(&stored));
        assert!(!HashedRef::new(8, "ada").equivalent(&stored));
        assert!(!HashedRef::new(7, "bob").equivalent(&stored));
        assert_eq!(PrehashedBuildHasher.hash_one(&stored), 7);
        assert_eq!(PrehashedBuildHasher.hash_one(HashedRef::new(7, "ada")), 7);
    }
}
