//! A simulator of LRU, for stores without a simulator of their own.

use cachescope_core::{KeySlab, Simulator, SlotRing};

/// An LRU list of keys. An entry takes 12 bytes, and 4 more if entries are weighed.
pub(crate) struct Lru {
    capacity: u64,
    max_entries: usize,
    slots: KeySlab,
    /// All entries in the order of their last use. The hand points to the least recently used one.
    held: SlotRing,
    has_been_full: bool,
}

impl Lru {
    /// Creates a list for a total weight of `capacity`, which about `entries` entries fill. It holds up to twice as
    /// many entries.
    pub(crate) fn new(capacity: u64, entries: usize) -> Self {
        let entries = entries.clamp(1, KeySlab::MAX_SLOTS / 2);
        let slots = KeySlab::new(entries, entries);
        Self { capacity, max_entries: 2 * entries, slots, held: SlotRing::default(), has_been_full: false }
    }

    /// Evicts the least recently used entries until there is space for `entries` more, of this weight.
    fn make_room(&mut self, entries: usize, weight: u64) {
        while self.held.weight() + weight > self.capacity || self.held.slots() + entries > self.max_entries {
            self.has_been_full = true;
            let Some(oldest) = self.held.hand() else { break };
            self.slots.remove(oldest, &mut self.held);
        }
    }
}

impl Simulator for Lru {
    fn access(&mut self, key: u32, weight: u32) -> bool {
        if let Some(slot) = self.slots.find(key) {
            self.slots.move_to_back(slot, &mut self.held);
            self.slots.set_weight(slot, weight, &mut self.held);
            self.make_room(0, 0);
            return true;
        }
        self.make_room(1, u64::from(weight));
        if u64::from(weight) <= self.capacity {
            let slot = self.slots.insert(key, weight);
            self.slots.push_back(slot, &mut self.held);
        }
        false
    }

    fn weight_of(&self, key: u32) -> Option<u32> {
        self.slots.find(key).map(|slot| self.slots.weight(slot))
    }

    fn remove(&mut self, key: u32) {
        if let Some(slot) = self.slots.find(key) {
            self.slots.remove(slot, &mut self.held);
        }
    }

    fn clear(&mut self) {
        self.held = SlotRing::default();
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
    fn least_recently_used_entry_is_evicted_first() {
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
