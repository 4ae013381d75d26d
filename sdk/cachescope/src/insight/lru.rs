//! Least recently used leaves first: the policy of stores that bring no simulator.

use cachescope_core::{Ring, Simulator, Slots};

/// An LRU of keys. An entry takes 12 bytes, and 4 more where they are weighed.
pub(super) struct Lru {
    capacity: u64,
    most_entries: usize,
    slots: Slots,
    /// All entries, by their last use; at its hand is the one used least recently.
    held: Ring,
    has_been_full: bool,
}

impl Lru {
    /// Room for `capacity` of weight, which is about `entries` entries; it holds up to twice as many.
    pub(super) fn new(capacity: u64, entries: usize) -> Self {
        let entries = entries.clamp(1, Slots::MOST / 2);
        let slots = Slots::new(entries, entries);
        Self { capacity, most_entries: 2 * entries, slots, held: Ring::default(), has_been_full: false }
    }

    /// Drops what was used least recently until there is room for so many more, of this weight.
    fn make_room(&mut self, entries: usize, weight: u64) {
        while self.held.weight() + weight > self.capacity || self.held.slots() + entries > self.most_entries {
            self.has_been_full = true;
            let Some(oldest) = self.held.hand() else { break };
            self.slots.release(oldest, &mut self.held);
        }
    }
}

impl Simulator for Lru {
    fn access(&mut self, key: u32, weight: u32) -> bool {
        if let Some(slot) = self.slots.find(key) {
            self.slots.renew(slot, &mut self.held);
            self.slots.reweigh(slot, weight, &mut self.held);
            self.make_room(0, 0);
            return true;
        }
        self.make_room(1, u64::from(weight));
        if u64::from(weight) <= self.capacity {
            let slot = self.slots.take(key, weight);
            self.slots.join(slot, &mut self.held);
        }
        false
    }

    fn weight_of(&self, key: u32) -> Option<u32> {
        self.slots.find(key).map(|slot| self.slots.weight(slot))
    }

    fn remove(&mut self, key: u32) {
        if let Some(slot) = self.slots.find(key) {
            self.slots.release(slot, &mut self.held);
        }
    }

    fn clear(&mut self) {
        self.held = Ring::default();
        self.slots.clear();
    }

    fn has_been_full(&self) -> bool {
        self.has_been_full
    }

    fn memory(&self) -> usize {
        size_of::<Self>() + self.slots.memory()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_least_recently_used_leaves_first() {
        let mut lru = Lru::new(3, 3);
        assert_eq!([1, 2, 3, 1, 4].map(|key| lru.access(key, 1)), [false, false, false, true, false]);
        assert!(lru.has_been_full() && lru.weight_of(2).is_none() && lru.weight_of(1) == Some(1));
        lru.remove(1);
        assert!(!lru.access(5, 2) && lru.weight_of(3).is_none());
        lru.clear();
        assert!(!lru.access(5, 4), "larger than all of it");
        assert!(lru.weight_of(5).is_none());
    }
}
