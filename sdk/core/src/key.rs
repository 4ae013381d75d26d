//! Keys hashed once: the look-up, the single flight and the key samples all use the same hash.

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
    /// Pairs `key` with its hash, which must be the one its cache's hasher gives.
    pub const fn new(hash: u64, key: K) -> Self {
        Self { hash, key }
    }

    /// The hash.
    pub const fn hash(&self) -> u64 {
        self.hash
    }

    /// The key.
    pub const fn key(&self) -> &K {
        &self.key
    }

    /// The key, without its hash.
    pub fn into_key(self) -> K {
        self.key
    }

    /// The same key, borrowed for a look-up.
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

/// A borrowed key with its hash, as a look-up brings it: `str` finds `String`.
#[derive(Debug)]
pub struct HashedRef<'a, Q: ?Sized> {
    hash: u64,
    key: &'a Q,
}

impl<'a, Q: ?Sized> HashedRef<'a, Q> {
    /// Pairs a borrowed key with its hash, which must be the one its cache's hasher gives.
    pub const fn new(hash: u64, key: &'a Q) -> Self {
        Self { hash, key }
    }

    /// The hash.
    pub const fn hash(&self) -> u64 {
        self.hash
    }

    /// The key.
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

/// Gives a store the hash that [`HashedKey`] and [`HashedRef`] bring along.
#[derive(Clone, Copy, Debug, Default)]
pub struct BroughtHash;

impl BuildHasher for BroughtHash {
    type Hasher = BroughtHasher;

    fn build_hasher(&self) -> BroughtHasher {
        BroughtHasher(0)
    }
}

/// The hasher of [`BroughtHash`].
#[derive(Clone, Copy, Debug)]
pub struct BroughtHasher(u64);

impl Hasher for BroughtHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }

    /// Not how our keys write themselves; kept correct for a store that hashes something of its own.
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
    fn a_borrowed_key_finds_the_stored_one_by_the_same_hash() {
        let stored = HashedKey::new(7, "ada".to_owned());
        assert!(HashedRef::new(7, "ada").equivalent(&stored));
        assert!(!HashedRef::new(8, "ada").equivalent(&stored));
        assert!(!HashedRef::new(7, "bob").equivalent(&stored));
        assert_eq!(BroughtHash.hash_one(&stored), 7);
        assert_eq!(BroughtHash.hash_one(HashedRef::new(7, "ada")), 7);
    }
}
