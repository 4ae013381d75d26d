//! Least recently used leaves first: the policy of stores that bring no simulator.

use std::mem::size_of;

use cachescope_core::Simulator;
use hashlink::LinkedHashMap;

/// An LRU of keys.
pub(super) struct Lru {
    capacity: u64,
    held: u64,
    has_been_full: bool,
    keys: LinkedHashMap<u32, u32>,
}

impl Lru {
    pub(super) fn new(capacity: u64) -> Self {
        Self { capacity, held: 0, has_been_full: false, keys: LinkedHashMap::new() }
    }
}

impl Simulator for Lru {
    fn access(&mut self, key: u32, weight: u32) -> bool {
        if self.keys.to_back(&key).is_some() {
            return true;
        }
        self.keys.insert(key, weight);
        self.held += u64::from(weight);
        while self.held > self.capacity {
            self.has_been_full = true;
            let Some((_, weight)) = self.keys.pop_front() else { break };
            self.held -= u64::from(weight);
        }
        false
    }

    fn weight_of(&self, key: u32) -> Option<u32> {
        self.keys.get(&key).copied()
    }

    fn remove(&mut self, key: u32) {
        if let Some(weight) = self.keys.remove(&key) {
            self.held -= u64::from(weight);
        }
    }

    fn clear(&mut self) {
        self.keys.clear();
        self.held = 0;
    }

    fn has_been_full(&self) -> bool {
        self.has_been_full
    }

    /// Two links and a slot of the table each.
    fn memory(&self) -> usize {
        self.keys.capacity() * (2 * size_of::<u32>() + 3 * size_of::<usize>())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_least_recently_used_leaves_first() {
        let mut lru = Lru::new(3);
        assert_eq!([1, 2, 3, 1, 4].map(|key| lru.access(key, 1)), [false, false, false, true, false]);
        assert!(lru.has_been_full() && lru.weight_of(2).is_none() && lru.weight_of(1) == Some(1));
        lru.remove(1);
        assert!(!lru.access(5, 2) && lru.weight_of(3).is_none());
        lru.clear();
        assert!(!lru.access(5, 4), "larger than all of it");
        assert!(lru.weight_of(5).is_none());
    }
}
