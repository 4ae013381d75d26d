//! What quick_cache would hold at some other capacity.

use cachescope_core::Simulator;

/// How much of the room is for entries that have been used again. quick_cache's own figure, as the next two are.
const HOT_SHARE: f64 = 0.97;
/// How many keys are remembered of what has left, for each entry there is room for.
const GHOST_SHARE: f64 = 0.5;
/// How many uses an entry can have to its credit. Each spares it once.
const MOST_CREDIT: u8 = 2;

/// No slot.
const NONE: u16 = u16::MAX;

/// The rings: entries seen once, entries used again, and keys whose entries have left.
const COLD: u8 = 0;
const HOT: u8 = 1;
const GHOSTS: u8 = 2;

/// A ring of slots, and its hand: the oldest of them, or where the search for one to drop goes on.
#[derive(Clone, Copy)]
struct Ring {
    hand: u16,
    slots: usize,
    weight: u64,
}

const EMPTY: Ring = Ring { hand: NONE, slots: 0, weight: 0 };

/// A slot's place in its ring, and the next slot of those whose keys share a bucket.
#[derive(Clone, Copy)]
struct Links {
    prev: u16,
    next: u16,
    chain: u16,
}

/// What a slot is: the ring it is in, and above it its credit. One byte, since there are many.
#[derive(Clone, Copy)]
struct Mark(u8);

impl Mark {
    fn of(ring: u8, credit: u8) -> Self {
        Self(credit << 2 | ring)
    }

    fn ring(self) -> u8 {
        self.0 & 3
    }

    fn credit(self) -> u8 {
        self.0 >> 2
    }
}

/// quick_cache's policy, Clock-PRO much like S3-FIFO, for one shard and without the entries.
///
/// It gives the hits and misses of quick_cache 0.7's `unsync::Cache`. A slot, of which there are three for two entries,
/// takes 12 bytes, and 4 more from the first weight that isn't 1. An access takes some 20 to 45 ns.
pub(crate) struct ClockPro {
    capacity: u64,
    hot_target: u64,
    most_entries: usize,
    most_ghosts: usize,
    rings: [Ring; 3],
    /// The first free slot; they are joined by `Links::next`.
    free: u16,
    keys: Vec<u32>,
    links: Vec<Links>,
    marks: Vec<Mark>,
    /// Empty as long as all weigh 1.
    weights: Vec<u32>,
    /// The first slot of each bucket.
    buckets: Box<[u16]>,
    has_been_full: bool,
}

impl ClockPro {
    /// Room for `capacity` of weight, at least 1, which is about `entries` entries.
    ///
    /// It holds up to twice as many entries should they be light, and no more than some 43,000.
    pub(crate) fn new(capacity: u64, entries: usize) -> Self {
        let entries = entries.clamp(1, usize::from(NONE));
        let most_ghosts = ((entries as f64 * GHOST_SHARE) as usize).min(usize::from(NONE) / 3);
        let most_entries = (2 * entries).min(usize::from(NONE) - most_ghosts);
        let slots = entries.min(most_entries) + most_ghosts;
        Self {
            capacity,
            hot_target: ((capacity as f64 * HOT_SHARE) as u64).clamp(capacity.min(1), capacity),
            most_entries,
            most_ghosts,
            rings: [EMPTY; 3],
            free: NONE,
            keys: Vec::with_capacity(slots),
            links: Vec::with_capacity(slots),
            marks: Vec::with_capacity(slots),
            weights: Vec::new(),
            // Half as many as slots: as many would save some 5 ns, for 1 byte more a slot.
            buckets: vec![NONE; slots.div_ceil(2)].into_boxed_slice(),
            has_been_full: false,
        }
    }

    fn bucket(&self, key: u32) -> usize {
        let spread = u64::from(key.wrapping_mul(0x9e37_79b9));
        ((spread * self.buckets.len() as u64) >> 32) as usize
    }

    /// The slot of this key, held or remembered, or `NONE`.
    fn find(&self, key: u32) -> u16 {
        let mut slot = self.buckets[self.bucket(key)];
        while slot != NONE && self.keys[usize::from(slot)] != key {
            slot = self.links[usize::from(slot)].chain;
        }
        slot
    }

    /// Whether a slot that was found is an entry's.
    fn is_held(&self, slot: u16) -> bool {
        slot != NONE && self.marks[usize::from(slot)].ring() != GHOSTS
    }

    fn weight(&self, slot: u16) -> u32 {
        self.weights.get(usize::from(slot)).copied().unwrap_or(1)
    }

    fn set_weight(&mut self, slot: u16, weight: u32) {
        if weight != 1 || !self.weights.is_empty() {
            self.weights.reserve_exact(self.keys.capacity() - self.weights.len());
            self.weights.resize(self.keys.len(), 1);
            self.weights[usize::from(slot)] = weight;
        }
    }

    /// Puts a slot that is in no ring into this one, where its hand comes last.
    fn join(&mut self, slot: u16, ring: u8, credit: u8) {
        self.marks[usize::from(slot)] = Mark::of(ring, credit);
        let weight = u64::from(self.weight(slot));
        let ring = &mut self.rings[usize::from(ring)];
        ring.slots += 1;
        ring.weight += weight;
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

    /// Takes a slot out of its ring.
    fn leave(&mut self, slot: u16) {
        let weight = u64::from(self.weight(slot));
        let Links { prev, next, .. } = self.links[usize::from(slot)];
        self.links[usize::from(prev)].next = next;
        self.links[usize::from(next)].prev = prev;
        let ring = &mut self.rings[usize::from(self.marks[usize::from(slot)].ring())];
        ring.slots -= 1;
        ring.weight -= weight;
        if ring.hand == slot {
            ring.hand = if next == slot { NONE } else { next };
        }
    }

    /// A slot for this key, which has none. In no ring yet.
    fn take_slot(&mut self, key: u32) -> u16 {
        let bucket = self.bucket(key);
        let links = Links { prev: NONE, next: NONE, chain: self.buckets[bucket] };
        let slot = self.free;
        if slot != NONE {
            self.free = self.links[usize::from(slot)].next;
            self.keys[usize::from(slot)] = key;
            self.links[usize::from(slot)] = links;
            self.buckets[bucket] = slot;
            return slot;
        }
        if self.keys.len() == self.keys.capacity() {
            // Not twice as many, as a vector would: few more are likely to follow.
            let more = self.keys.len() / 4 + 1;
            self.keys.reserve_exact(more);
            self.links.reserve_exact(more);
            self.marks.reserve_exact(more);
        }
        // There are never more than `NONE`.
        let slot = self.keys.len() as u16;
        self.keys.push(key);
        self.links.push(links);
        self.marks.push(Mark::of(COLD, 0));
        self.buckets[bucket] = slot;
        slot
    }

    /// Forgets a slot and its key.
    fn drop_slot(&mut self, slot: u16) {
        self.leave(slot);
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

    /// Drops entries until there is room for so many more, of this weight.
    fn make_room(&mut self, entries: usize, weight: u64) {
        while self.is_over(entries, weight) && self.step() {}
    }

    fn is_over(&self, entries: usize, weight: u64) -> bool {
        let [cold, hot, _] = &self.rings;
        hot.weight + cold.weight + weight > self.capacity || hot.slots + cold.slots + entries > self.most_entries
    }

    /// Drops an entry of the cold ring, or makes it hot if it has been used since. `false` if there is none.
    fn step(&mut self) -> bool {
        let slot = self.rings[usize::from(COLD)].hand;
        if slot == NONE {
            return self.drop_hot();
        }
        self.leave(slot);
        let credit = self.marks[usize::from(slot)].credit();
        if credit > 0 {
            self.join(slot, HOT, credit - 1);
            while self.rings[usize::from(HOT)].weight > self.hot_target && self.drop_hot() {}
            return true;
        }
        self.has_been_full = true;
        self.join(slot, GHOSTS, 0);
        let ghosts = self.rings[usize::from(GHOSTS)];
        if ghosts.slots > self.most_ghosts {
            self.drop_slot(ghosts.hand);
        }
        true
    }

    /// Drops the next hot entry that has no credit left; it isn't remembered. `false` if there is none.
    fn drop_hot(&mut self) -> bool {
        loop {
            let slot = self.rings[usize::from(HOT)].hand;
            if slot == NONE {
                return false;
            }
            let mark = &mut self.marks[usize::from(slot)];
            if mark.credit() == 0 {
                self.has_been_full = true;
                self.drop_slot(slot);
                return true;
            }
            *mark = Mark::of(HOT, mark.credit() - 1);
            self.rings[usize::from(HOT)].hand = self.links[usize::from(slot)].next;
        }
    }

    /// The entry of this slot weighs something else from now on.
    fn reweigh(&mut self, slot: u16, weight: u32) {
        if u64::from(weight) > self.hot_target {
            self.drop_slot(slot);
            return;
        }
        let old = self.weight(slot);
        self.set_weight(slot, weight);
        let ring = &mut self.rings[usize::from(self.marks[usize::from(slot)].ring())];
        ring.weight = ring.weight + u64::from(weight) - u64::from(old);
        self.make_room(0, 0);
    }

    /// Stores the entry of a key that has none, but perhaps a slot as a ghost.
    fn store(&mut self, key: u32, ghost: u16, weight: u32) {
        if u64::from(weight) > self.hot_target {
            return;
        }
        if ghost != NONE {
            self.leave(ghost);
            self.set_weight(ghost, weight);
            self.join(ghost, HOT, 0);
            self.make_room(0, 0);
            return;
        }
        let is_hot = self.rings[usize::from(HOT)].weight + u64::from(weight) <= self.hot_target;
        self.make_room(1, u64::from(weight));
        let slot = self.take_slot(key);
        self.set_weight(slot, weight);
        self.join(slot, if is_hot { HOT } else { COLD }, 0);
    }
}

impl Simulator for ClockPro {
    fn access(&mut self, key: u32, weight: u32) -> bool {
        // As the store has it: what weighs nothing, quick_cache never drives out.
        let weight = weight.max(1);
        let slot = self.find(key);
        if !self.is_held(slot) {
            self.store(key, slot, weight);
            return false;
        }
        let mark = &mut self.marks[usize::from(slot)];
        *mark = Mark::of(mark.ring(), (mark.credit() + 1).min(MOST_CREDIT));
        if self.weight(slot) != weight {
            self.reweigh(slot, weight);
        }
        true
    }

    fn weight_of(&self, key: u32) -> Option<u32> {
        let slot = self.find(key);
        self.is_held(slot).then(|| self.weight(slot))
    }

    /// What is only remembered of it goes as well.
    fn remove(&mut self, key: u32) {
        let slot = self.find(key);
        if slot != NONE {
            self.drop_slot(slot);
        }
    }

    fn clear(&mut self) {
        self.rings = [EMPTY; 3];
        self.free = NONE;
        self.keys.clear();
        self.links.clear();
        self.marks.clear();
        self.weights.clear();
        self.buckets.fill(NONE);
    }

    fn has_been_full(&self) -> bool {
        self.has_been_full
    }

    fn memory(&self) -> usize {
        size_of::<Self>()
            + self.keys.capacity() * size_of::<u32>()
            + self.links.capacity() * size_of::<Links>()
            + self.marks.capacity() * size_of::<Mark>()
            + self.weights.capacity() * size_of::<u32>()
            + self.buckets.len() * size_of::<u16>()
    }
}

#[cfg(test)]
mod tests {
    use quick_cache::Weighter;
    use quick_cache::unsync::Cache;

    use super::*;

    /// A key weighs what its last digits say.
    #[derive(Clone)]
    struct ByKey(u32);

    impl ByKey {
        fn of(&self, key: u32) -> u32 {
            1 + key.wrapping_mul(2_654_435_769) % self.0
        }
    }

    impl Weighter<u32, ()> for ByKey {
        fn weight(&self, key: &u32, (): &()) -> u64 {
            u64::from(self.of(*key))
        }
    }

    /// SplitMix64.
    struct Random(u64);

    impl Random {
        fn below(&mut self, end: u32) -> u32 {
            self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            (((mixed >> 32) * u64::from(end)) >> 32) as u32
        }

        /// Small numbers far more often than large ones.
        fn skewed(&mut self, end: u32) -> u32 {
            let below = self.below(end) + 1;
            let below = self.below(below) + 1;
            self.below(below)
        }
    }

    /// Requests of all sorts, by turns: skewed, a scan, a loop, a set that moves.
    fn trace(random: &mut Random, capacity: u32, length: u32) -> Vec<u32> {
        let keys = capacity * 8 + 1;
        let mut trace = Vec::new();
        while trace.len() < length as usize {
            let (sort, start, turns) = (random.below(5), random.below(keys), random.below(4 * capacity + 20));
            for turn in 0..turns {
                trace.push(match sort {
                    0 | 1 => random.skewed(keys),
                    2 => 1_000_000 + start * 100 + turn,
                    3 => start + turn % (capacity + capacity / 5 + 1),
                    _ => start + random.skewed(capacity + 2),
                });
            }
        }
        trace
    }

    fn agrees(seed: u64, entries: u32, weigher: &ByKey) {
        let mut random = Random(seed);
        // So many of average weight.
        let capacity = u64::from(entries) * u64::from(weigher.0 + 1) / 2;
        let mut real = Cache::with_weighter(entries as usize, capacity, weigher.clone());
        let mut simulated = ClockPro::new(capacity, entries as usize);
        for (n, key) in trace(&mut random, entries, 20_000 + 20 * entries).into_iter().enumerate() {
            let hit = real.get(&key).is_some();
            if !hit {
                real.insert(key, ());
            }
            assert_eq!(simulated.access(key, weigher.of(key)), hit, "request {n} of key {key}, {entries} entries");
            if random.below(20) == 0 {
                let key = if random.below(2) == 0 { key } else { random.skewed(entries * 2) };
                assert_eq!(simulated.weight_of(key), real.peek(&key).map(|()| weigher.of(key)));
                real.remove(&key);
                simulated.remove(key);
            }
            if random.below(20_000) == 0 {
                real.clear();
                simulated.clear();
            }
        }
        let held = simulated.rings[usize::from(COLD)].weight + simulated.rings[usize::from(HOT)].weight;
        assert_eq!(held, real.weight());
        assert!(simulated.has_been_full());
    }

    #[test]
    fn hits_what_quick_cache_hits() {
        for (seed, entries) in (0..).zip([1, 2, 3, 5, 10, 33, 48, 100, 192, 1_000, 1_536]) {
            agrees(seed, entries, &ByKey(1));
        }
    }

    #[test]
    fn hits_what_quick_cache_hits_by_weight() {
        for (seed, entries) in (100..).zip([2, 5, 10, 48, 100, 192, 1_000, 1_536]) {
            agrees(seed, entries, &ByKey(3));
            // More room than for the fewest: chance has it that twice as many light ones are there.
            agrees(seed + 50, 40 + entries, &ByKey(100));
        }
    }

    #[test]
    fn follows_a_weight_that_changes() {
        let mut simulated = ClockPro::new(1_000, 10);
        assert!(!simulated.access(1, 100));
        assert!(simulated.access(1, 300));
        assert_eq!(simulated.weight_of(1), Some(300));
        (2..5).for_each(|key| assert!(!simulated.access(key, 200)));
        assert!(!simulated.has_been_full());
        // Which leaves room for one of the others.
        assert!(simulated.access(1, 700));
        assert!(simulated.has_been_full());
        assert_eq!((2..5).filter(|key| simulated.weight_of(*key).is_some()).count(), 1);
        // Too heavy.
        assert!(simulated.access(1, 980));
        assert_eq!(simulated.weight_of(1), None);
    }

    #[test]
    fn takes_no_more_memory_than_it_may() {
        let memory = |weight: u32| -> usize {
            let memory_of = |entries: u32| {
                let mut random = Random(7);
                let mut simulated = ClockPro::new(u64::from(entries * weight), entries as usize);
                (0..50_000).for_each(|_| _ = simulated.access(random.below(10_000), weight));
                simulated.memory()
            };
            [48, 96, 192, 384, 768, 1_536].map(memory_of).iter().sum()
        };
        assert!(memory(1) < 57_000, "{}", memory(1));
        assert!(memory(2) < 75_000, "{}", memory(2));
    }

    #[test]
    fn is_full_at_twice_the_entries_it_was_meant_for() {
        let mut simulated = ClockPro::new(u64::MAX, 100);
        (0..1_000).for_each(|key| _ = simulated.access(key, key));
        assert_eq!((0..1_000).filter(|key| simulated.weight_of(*key).is_some()).count(), 200);
        assert!(simulated.keys.len() <= 250 && simulated.has_been_full());

        let mut simulated = ClockPro::new(u64::MAX, usize::MAX);
        (0..200_000).for_each(|key| _ = simulated.access(key, u32::MAX));
        assert!(simulated.keys.len() <= usize::from(NONE));

        // Nor does it fail where there is next to no room.
        for (capacity, entries) in [(1, 0), (1, 1), (2, 1), (0, 0)] {
            let mut simulated = ClockPro::new(capacity, entries);
            (0..10_000).for_each(|n| _ = simulated.access(n % 7, n % 3));
        }
    }
}
