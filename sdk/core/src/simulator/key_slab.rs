//! The keys of a [`Simulator`](crate::Simulator), in little memory, since a cache has several simulators.

use super::slot_ring::{NONE, SlotRing};

/// A slot's neighbours in its ring, and the next slot of the same bucket.
#[derive(Clone, Copy, Debug)]
struct Links {
    prev: u16,
    next: u16,
    chain: u16,
}

/// A slab of keys. Slots are found by key, and ordered by [rings](SlotRing).
///
/// A slot takes 10 bytes, and 4 more bytes from the first weight that isn't 1. A bucket takes 2 bytes. There are at
/// most [`KeySlab::MAX_SLOTS`] slots.
///
/// ```
/// use cachescope_core::{SlotRing, KeySlab};
///
/// let (mut slots, mut used) = (KeySlab::new(2, 2), SlotRing::default());
/// for key in [7, 8] {
///     let slot = slots.insert(key, 1);
///     slots.push_back(slot, &mut used);
/// }
/// // Key 7 is used again, so key 8 is the one used least recently.
/// slots.move_to_back(slots.find(7).unwrap(), &mut used);
/// assert_eq!(used.hand().map(|slot| slots.key(slot)), Some(8));
/// ```
#[derive(Debug)]
pub struct KeySlab {
    keys: Vec<u32>,
    links: Vec<Links>,
    /// Empty while all weights are 1.
    weights: Vec<u32>,
    /// The first slot of each bucket.
    buckets: Box<[u16]>,
    /// The first free slot. Free slots are linked by `Links::next`.
    free: u16,
}

impl KeySlab {
    /// The maximum number of slots.
    pub const MAX_SLOTS: usize = NONE as usize;

    /// Creates a slab with capacity for `slots`, which grows, and a fixed number of `buckets`, at least 1. As many
    /// buckets as slots are fastest; half as many cost about 5 ns per search.
    #[must_use]
    pub fn new(slots: usize, buckets: usize) -> Self {
        Self {
            keys: Vec::with_capacity(slots),
            links: Vec::with_capacity(slots),
            weights: Vec::new(),
            buckets: vec![NONE; buckets.max(1)].into_boxed_slice(),
            free: NONE,
        }
    }

    /// Returns the slot of this key.
    #[inline]
    #[must_use]
    pub fn find(&self, key: u32) -> Option<u16> {
        let mut slot = self.buckets[self.bucket(key)];
        while slot != NONE && self.keys[usize::from(slot)] != key {
            slot = self.links[usize::from(slot)].chain;
        }
        (slot != NONE).then_some(slot)
    }

    /// Returns the key of an occupied slot.
    #[inline]
    #[must_use]
    pub fn key(&self, slot: u16) -> u32 {
        self.keys[usize::from(slot)]
    }

    /// Returns the weight of an occupied slot.
    #[inline]
    #[must_use]
    pub fn weight(&self, slot: u16) -> u32 {
        self.weights.get(usize::from(slot)).copied().unwrap_or(1)
    }

    /// Returns the next slot in the ring.
    #[inline]
    #[must_use]
    pub fn next(&self, slot: u16) -> u16 {
        self.links[usize::from(slot)].next
    }

    /// Inserts a key that the slab doesn't have, and returns its slot. The slot is in no ring yet.
    ///
    /// # Panics
    /// If [`KeySlab::MAX_SLOTS`] slots are occupied.
    pub fn insert(&mut self, key: u32, weight: u32) -> u16 {
        let bucket = self.bucket(key);
        let links = Links { prev: NONE, next: NONE, chain: self.buckets[bucket] };
        let mut slot = self.free;
        if slot == NONE {
            assert!(self.keys.len() < Self::MAX_SLOTS, "a key slab has at most {} slots", Self::MAX_SLOTS);
            if self.keys.len() == self.keys.capacity() {
                // A vector would double its capacity, but few more slots are likely to follow.
                let more = self.keys.len() / 4 + 1;
                self.keys.reserve_exact(more);
                self.links.reserve_exact(more);
            }
            slot = self.keys.len() as u16;
            self.keys.push(key);
            self.links.push(links);
        } else {
            self.free = self.links[usize::from(slot)].next;
            self.keys[usize::from(slot)] = key;
            self.links[usize::from(slot)] = links;
        }
        self.buckets[bucket] = slot;
        self.store_weight(slot, weight);
        slot
    }

    /// Removes a slot from this ring, and its key from the slab.
    pub fn remove(&mut self, slot: u16, ring: &mut SlotRing) {
        self.unlink(slot, ring);
        let bucket = self.bucket(self.keys[usize::from(slot)]);
        let chain = self.links[usize::from(slot)].chain;
        let mut at = self.buckets[bucket];
        if at == slot {
            self.buckets[bucket] = chain;
        }
        while at != NONE {
            let links = &mut self.links[usize::from(at)];
            if links.chain == slot {
                links.chain = chain;
                break;
            }
            at = links.chain;
        }
        self.links[usize::from(slot)].next = self.free;
        self.free = slot;
    }

    /// Appends a slot that is in no ring to this ring. The hand reaches it last.
    #[inline]
    pub fn push_back(&mut self, slot: u16, ring: &mut SlotRing) {
        ring.slots += 1;
        ring.weight += u64::from(self.weight(slot));
        let next = if ring.hand == NONE { slot } else { ring.hand };
        if ring.hand == NONE {
            ring.hand = slot;
        }
        let prev = if next == slot { slot } else { self.links[usize::from(next)].prev };
        self.links[usize::from(slot)].prev = prev;
        self.links[usize::from(slot)].next = next;
        self.links[usize::from(prev)].next = slot;
        self.links[usize::from(next)].prev = slot;
    }

    /// Removes a slot from this ring, which must contain it. Its key stays.
    #[inline]
    pub fn unlink(&mut self, slot: u16, ring: &mut SlotRing) {
        let Links { prev, next, .. } = self.links[usize::from(slot)];
        self.links[usize::from(prev)].next = next;
        self.links[usize::from(next)].prev = prev;
        ring.slots -= 1;
        ring.weight -= u64::from(self.weight(slot));
        if ring.hand == slot {
            ring.hand = if next == slot { NONE } else { next };
        }
    }

    /// Moves a slot of this ring to the end, where the hand reaches it last.
    #[inline]
    pub fn move_to_back(&mut self, slot: u16, ring: &mut SlotRing) {
        self.unlink(slot, ring);
        self.push_back(slot, ring);
    }

    /// Changes the weight of a slot of this ring.
    pub fn set_weight(&mut self, slot: u16, weight: u32, ring: &mut SlotRing) {
        ring.weight = ring.weight - u64::from(self.weight(slot)) + u64::from(weight);
        self.store_weight(slot, weight);
    }

    /// Moves the ring's hand to the next slot.
    pub fn advance(&self, ring: &mut SlotRing) {
        if ring.hand != NONE {
            ring.hand = self.next(ring.hand);
        }
    }

    /// Removes all keys. The caller must reset its rings as well.
    pub fn clear(&mut self) {
        self.keys.clear();
        self.links.clear();
        self.weights.clear();
        self.buckets.fill(NONE);
        self.free = NONE;
    }

    /// Returns the number of slots for which memory is allocated.
    #[must_use]
    pub fn capacity(&self) -> usize {
        self.keys.capacity()
    }

    /// Returns the allocated memory in bytes, without the size of the `KeySlab` itself.
    #[must_use]
    pub fn memory(&self) -> usize {
        self.keys.capacity() * size_of::<u32>()
            + self.links.capacity() * size_of::<Links>()
            + self.weights.capacity() * size_of::<u32>()
            + self.buckets.len() * size_of::<u16>()
    }

    fn bucket(&self, key: u32) -> usize {
        let spread = u64::from(key.wrapping_mul(0x9e37_79b9));
        ((spread * self.buckets.len() as u64) >> 32) as usize
    }

    fn store_weight(&mut self, slot: u16, weight: u32) {
        if weight != 1 || !self.weights.is_empty() {
            self.weights.reserve_exact(self.keys.capacity() - self.weights.len());
            self.weights.resize(self.keys.len(), 1);
            self.weights[usize::from(slot)] = weight;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn in_order(slots: &KeySlab, ring: &SlotRing) -> Vec<u32> {
        let ordered = std::iter::successors(ring.hand(), |slot| Some(slots.next(*slot)));
        ordered.take(ring.slots()).map(|slot| slots.key(slot)).collect()
    }

    #[test]
    fn slots_are_found_and_ordered_until_removed() {
        let (mut slots, mut ring) = (KeySlab::new(4, 2), SlotRing::default());
        for key in 0..40 {
            let slot = slots.insert(key, 1);
            slots.push_back(slot, &mut ring);
        }
        assert_eq!(in_order(&slots, &ring), (0..40).collect::<Vec<_>>());
        for key in (0..40).filter(|key| key % 3 > 0) {
            let slot = slots.find(key).unwrap();
            slots.remove(slot, &mut ring);
        }
        assert_eq!(in_order(&slots, &ring), (0..40).step_by(3).collect::<Vec<_>>());
        assert!((0..40).all(|key| slots.find(key).map(|slot| slots.key(slot)) == (key % 3 == 0).then_some(key)));
        slots.advance(&mut ring);
        assert_eq!(in_order(&slots, &ring).first(), Some(&3));
        let held = slots.capacity();
        let slot = slots.insert(100, 1);
        slots.push_back(slot, &mut ring);
        assert_eq!((slots.capacity(), in_order(&slots, &ring).last()), (held, Some(&100)));
    }

    #[test]
    fn weights_are_stored_from_the_first_that_is_not_one() {
        let (mut slots, mut ring) = (KeySlab::new(4, 4), SlotRing::default());
        let one = slots.insert(1, 1);
        slots.push_back(one, &mut ring);
        let memory = slots.memory();
        let two = slots.insert(2, 5);
        slots.push_back(two, &mut ring);
        assert_eq!((slots.weight(one), slots.weight(two), ring.weight()), (1, 5, 6));
        assert!(slots.memory() > memory);
        slots.set_weight(two, 1, &mut ring);
        slots.unlink(one, &mut ring);
        assert_eq!((ring.weight(), ring.slots(), ring.hand()), (1, 1, Some(two)));
        slots.unlink(two, &mut ring);
        assert_eq!((ring, slots.find(2)), (SlotRing::default(), Some(two)));
        slots.clear();
        assert_eq!(slots.find(2), None);
    }
}
