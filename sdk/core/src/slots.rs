//! Where a [`Simulator`](crate::Simulator) keeps its keys: in little memory, since a cache has several of them.

/// No slot.
const NONE: u16 = u16::MAX;

/// A slot's place in its ring, and the next slot of those whose keys share a bucket.
#[derive(Clone, Copy, Debug)]
struct Links {
    prev: u16,
    next: u16,
    chain: u16,
}

/// Keys in slots, found by key and put in order by [rings](Ring).
///
/// A slot takes 10 bytes, and 4 more from the first weight that isn't 1; a bucket takes 2. There are never more than
/// [`Slots::MOST`].
///
/// ```
/// use cachescope_core::{Ring, Slots};
///
/// let (mut slots, mut used) = (Slots::new(2, 2), Ring::default());
/// for key in [7, 8] {
///     let slot = slots.take(key, 1);
///     slots.join(slot, &mut used);
/// }
/// // Key 7 is used again, so key 8 is the one used least recently.
/// slots.renew(slots.find(7).unwrap(), &mut used);
/// assert_eq!(used.hand().map(|slot| slots.key(slot)), Some(8));
/// ```
#[derive(Debug)]
pub struct Slots {
    keys: Vec<u32>,
    links: Vec<Links>,
    /// Empty as long as all weigh 1.
    weights: Vec<u32>,
    /// The first slot of each bucket.
    buckets: Box<[u16]>,
    /// The first free slot; they are joined by `Links::next`.
    free: u16,
}

/// A ring of slots, and its hand: the oldest of them, or where a search among them goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ring {
    hand: u16,
    slots: usize,
    weight: u64,
}

impl Default for Ring {
    fn default() -> Self {
        Self { hand: NONE, slots: 0, weight: 0 }
    }
}

impl Ring {
    /// The slot at the hand; `None` if the ring is empty.
    #[must_use]
    pub fn hand(&self) -> Option<u16> {
        (self.hand != NONE).then_some(self.hand)
    }

    /// How many slots are in it.
    #[must_use]
    pub fn slots(&self) -> usize {
        self.slots
    }

    /// What they weigh together.
    #[must_use]
    pub fn weight(&self) -> u64 {
        self.weight
    }
}

impl Slots {
    /// The most there may be.
    pub const MOST: usize = NONE as usize;

    /// Room for `slots`, which grows, found by `buckets`, at least 1, which don't: as many as slots are fastest, half as
    /// many cost some 5 ns a search.
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

    /// The slot of this key.
    #[inline]
    #[must_use]
    pub fn find(&self, key: u32) -> Option<u16> {
        let mut slot = self.buckets[self.bucket(key)];
        while slot != NONE && self.keys[usize::from(slot)] != key {
            slot = self.links[usize::from(slot)].chain;
        }
        (slot != NONE).then_some(slot)
    }

    /// The key of a slot that is taken.
    #[inline]
    #[must_use]
    pub fn key(&self, slot: u16) -> u32 {
        self.keys[usize::from(slot)]
    }

    /// What a slot that is taken weighs.
    #[inline]
    #[must_use]
    pub fn weight(&self, slot: u16) -> u32 {
        self.weights.get(usize::from(slot)).copied().unwrap_or(1)
    }

    /// The slot after this one in its ring.
    #[inline]
    #[must_use]
    pub fn next(&self, slot: u16) -> u16 {
        self.links[usize::from(slot)].next
    }

    /// A slot for this key, which has none; in no ring yet.
    ///
    /// # Panics
    /// If [`Slots::MOST`] are taken.
    pub fn take(&mut self, key: u32, weight: u32) -> u16 {
        let bucket = self.bucket(key);
        let links = Links { prev: NONE, next: NONE, chain: self.buckets[bucket] };
        let mut slot = self.free;
        if slot == NONE {
            assert!(self.keys.len() < Self::MOST, "a slot more than there may be");
            if self.keys.len() == self.keys.capacity() {
                // Not twice as many, as a vector would: few more are likely to follow.
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
        self.set_weight(slot, weight);
        slot
    }

    /// Forgets a slot of this ring, and its key.
    pub fn release(&mut self, slot: u16, ring: &mut Ring) {
        self.leave(slot, ring);
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

    /// Puts a slot that is in no ring into this one, where its hand comes last.
    #[inline]
    pub fn join(&mut self, slot: u16, ring: &mut Ring) {
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

    /// Takes a slot out of this ring, in which it is.
    #[inline]
    pub fn leave(&mut self, slot: u16, ring: &mut Ring) {
        let Links { prev, next, .. } = self.links[usize::from(slot)];
        self.links[usize::from(prev)].next = next;
        self.links[usize::from(next)].prev = prev;
        ring.slots -= 1;
        ring.weight -= u64::from(self.weight(slot));
        if ring.hand == slot {
            ring.hand = if next == slot { NONE } else { next };
        }
    }

    /// Puts a slot of this ring where its hand comes last.
    #[inline]
    pub fn renew(&mut self, slot: u16, ring: &mut Ring) {
        self.leave(slot, ring);
        self.join(slot, ring);
    }

    /// A slot of this ring weighs something else from now on.
    pub fn reweigh(&mut self, slot: u16, weight: u32, ring: &mut Ring) {
        ring.weight = ring.weight - u64::from(self.weight(slot)) + u64::from(weight);
        self.set_weight(slot, weight);
    }

    /// The ring's hand moves on by a slot.
    pub fn turn(&self, ring: &mut Ring) {
        if ring.hand != NONE {
            ring.hand = self.next(ring.hand);
        }
    }

    /// Forgets all; rings are to be emptied with it.
    pub fn clear(&mut self) {
        self.keys.clear();
        self.links.clear();
        self.weights.clear();
        self.buckets.fill(NONE);
        self.free = NONE;
    }

    /// For how many slots there is room before it grows.
    #[must_use]
    pub fn capacity(&self) -> usize {
        self.keys.capacity()
    }

    /// Bytes that it takes, beside its own size.
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

    fn set_weight(&mut self, slot: u16, weight: u32) {
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

    fn in_order(slots: &Slots, ring: &Ring) -> Vec<u32> {
        let ordered = std::iter::successors(ring.hand(), |slot| Some(slots.next(*slot)));
        ordered.take(ring.slots()).map(|slot| slots.key(slot)).collect()
    }

    #[test]
    fn slots_are_found_and_ordered_until_they_are_released() {
        let (mut slots, mut ring) = (Slots::new(4, 2), Ring::default());
        for key in 0..40 {
            let slot = slots.take(key, 1);
            slots.join(slot, &mut ring);
        }
        assert_eq!(in_order(&slots, &ring), (0..40).collect::<Vec<_>>());
        for key in (0..40).filter(|key| key % 3 > 0) {
            let slot = slots.find(key).unwrap();
            slots.release(slot, &mut ring);
        }
        assert_eq!(in_order(&slots, &ring), (0..40).step_by(3).collect::<Vec<_>>());
        assert!((0..40).all(|key| slots.find(key).map(|slot| slots.key(slot)) == (key % 3 == 0).then_some(key)));
        slots.turn(&mut ring);
        assert_eq!(in_order(&slots, &ring).first(), Some(&3));
        let held = slots.capacity();
        let slot = slots.take(100, 1);
        slots.join(slot, &mut ring);
        assert_eq!((slots.capacity(), in_order(&slots, &ring).last()), (held, Some(&100)));
    }

    #[test]
    fn weights_are_kept_once_one_is_told() {
        let (mut slots, mut ring) = (Slots::new(4, 4), Ring::default());
        let one = slots.take(1, 1);
        slots.join(one, &mut ring);
        let memory = slots.memory();
        let two = slots.take(2, 5);
        slots.join(two, &mut ring);
        assert_eq!((slots.weight(one), slots.weight(two), ring.weight()), (1, 5, 6));
        assert!(slots.memory() > memory);
        slots.reweigh(two, 1, &mut ring);
        slots.leave(one, &mut ring);
        assert_eq!((ring.weight(), ring.slots(), ring.hand()), (1, 1, Some(two)));
        slots.leave(two, &mut ring);
        assert_eq!((ring, slots.find(2)), (Ring::default(), Some(two)));
        slots.clear();
        assert_eq!(slots.find(2), None);
    }
}
