//! What moka would hold at some other capacity.

use cachescope_core::Simulator;

/// No slot.
const NONE: u16 = u16::MAX;

/// moka's own.
const SEEDS: [u64; 4] = [0xc3a5_c85c_97cb_3127, 0xb492_b66f_be98_f273, 0x9ae1_6a3b_2f90_404f, 0xcbf2_9ce4_8422_2325];

/// Remembers, roughly, how often keys were asked for: moka's count-min sketch of 4-bit counts, halved now and then.
struct Sketch {
    /// 16 counts each. Empty until the cache is half full.
    table: Box<[u64]>,
    counted: u32,
    halved_at: u32,
}

impl Sketch {
    fn off() -> Self {
        Self { table: Box::default(), counted: 0, halved_at: 0 }
    }

    /// For so many entries. moka's is for 128 at least, which in a miniature would remember too much.
    fn of(entries: u32) -> Self {
        let size = entries.max(1).next_power_of_two() as usize;
        Self { table: vec![0; size].into_boxed_slice(), counted: 0, halved_at: entries.max(1).saturating_mul(10) }
    }

    /// Where in the table a hash has its four counts, and how far they are shifted there.
    fn counts(&self, hash: u64) -> impl Iterator<Item = (usize, u64)> + use<> {
        let mask = self.table.len().wrapping_sub(1);
        (0..).zip(SEEDS).map(move |(depth, seed)| {
            let mixed = hash.wrapping_add(seed).wrapping_mul(seed);
            let at = mixed.wrapping_add(mixed >> 32) as usize & mask;
            (at, (((hash & 3) << 2) + depth) << 2)
        })
    }

    fn frequency(&self, hash: u64) -> u32 {
        if self.table.is_empty() {
            return 0;
        }
        self.counts(hash).map(|(at, shift)| (self.table[at] >> shift) as u32 & 0xf).min().unwrap_or(0)
    }

    fn increment(&mut self, hash: u64) {
        if self.table.is_empty() {
            return;
        }
        let mut is_counted = false;
        for (at, shift) in self.counts(hash) {
            let word = &mut self.table[at];
            if (*word >> shift) & 0xf != 0xf {
                *word += 1 << shift;
                is_counted = true;
            }
        }
        self.counted += u32::from(is_counted);
        if is_counted && self.counted >= self.halved_at {
            self.halve();
        }
    }

    fn halve(&mut self) {
        let mut odd = 0;
        for word in &mut self.table {
            odd += (*word & 0x1111_1111_1111_1111).count_ones();
            *word = (*word >> 1) & 0x7777_7777_7777_7777;
        }
        self.counted = (self.counted >> 1).saturating_sub(odd >> 2);
    }
}

/// Spreads a key over 64 bits, as the sketch takes a hash.
fn spread(key: u32) -> u64 {
    let spread = u64::from(key).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    spread ^ (spread >> 29)
}

/// A slot's place in the ring, and the next slot of those whose keys share a bucket.
#[derive(Clone, Copy)]
struct Links {
    prev: u16,
    next: u16,
    chain: u16,
}

/// moka's policy without the entries: what was used last is kept, and what is new must have been asked for more often
/// than what it would drive out.
///
/// It gives the hits and misses of moka 0.12's `sync::Cache` that does its pending tasks after each request; left to
/// itself, moka does them in batches of some 64. An entry takes 12 bytes, 8 to 16 of the sketch (about a quarter of it
/// where entries are weighed, as moka has it), and 4 more from the first weight that isn't 1. An access takes some 25
/// to 40 ns.
pub(crate) struct TinyLfu {
    capacity: u64,
    /// Whether the capacity is in entries.
    are_counted: bool,
    entries: u32,
    most_entries: usize,
    weight: u64,
    held: usize,
    /// The entry used least recently; the others follow in a ring.
    oldest: u16,
    /// The first free slot; they are joined by `Links::next`.
    free: u16,
    keys: Vec<u32>,
    links: Vec<Links>,
    /// Empty as long as all weigh 1.
    weights: Vec<u32>,
    /// The first slot of each bucket.
    buckets: Box<[u16]>,
    sketch: Sketch,
    has_been_full: bool,
}

impl TinyLfu {
    /// Room for `capacity` of weight, at least 1, which is about `entries` entries: if exactly, entries are counted.
    ///
    /// It holds up to twice as many entries should they be light, and no more than 65,535.
    pub(crate) fn new(capacity: u64, entries: usize) -> Self {
        let are_counted = usize::try_from(capacity) == Ok(entries);
        let entries = entries.clamp(1, usize::from(NONE));
        Self {
            capacity,
            are_counted,
            entries: entries as u32,
            most_entries: (2 * entries).min(usize::from(NONE)),
            weight: 0,
            held: 0,
            oldest: NONE,
            free: NONE,
            keys: Vec::with_capacity(entries),
            links: Vec::with_capacity(entries),
            weights: Vec::new(),
            buckets: vec![NONE; entries].into_boxed_slice(),
            sketch: Sketch::off(),
            has_been_full: false,
        }
    }

    fn bucket(&self, key: u32) -> usize {
        let spread = u64::from(key.wrapping_mul(0x9e37_79b9));
        ((spread * self.buckets.len() as u64) >> 32) as usize
    }

    /// The slot of this key, or `NONE`.
    fn find(&self, key: u32) -> u16 {
        let mut slot = self.buckets[self.bucket(key)];
        while slot != NONE && self.keys[usize::from(slot)] != key {
            slot = self.links[usize::from(slot)].chain;
        }
        slot
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

    /// Makes a slot that isn't in the ring the one used last.
    fn join(&mut self, slot: u16) {
        let next = if self.oldest == NONE { slot } else { self.oldest };
        if self.oldest == NONE {
            self.oldest = slot;
        }
        let prev = if next == slot { slot } else { self.links[usize::from(next)].prev };
        self.links[usize::from(slot)].prev = prev;
        self.links[usize::from(slot)].next = next;
        self.links[usize::from(prev)].next = slot;
        self.links[usize::from(next)].prev = slot;
    }

    /// Takes a slot out of the ring.
    fn leave(&mut self, slot: u16) {
        let Links { prev, next, .. } = self.links[usize::from(slot)];
        self.links[usize::from(prev)].next = next;
        self.links[usize::from(next)].prev = prev;
        if self.oldest == slot {
            self.oldest = if next == slot { NONE } else { next };
        }
    }

    /// Holds an entry for this key, which has none. There is a slot.
    fn hold(&mut self, key: u32, weight: u32) {
        let bucket = self.bucket(key);
        let links = Links { prev: NONE, next: NONE, chain: self.buckets[bucket] };
        let mut slot = self.free;
        if slot == NONE {
            if self.keys.len() == self.keys.capacity() {
                // Not twice as many, as a vector would: few more are likely to follow.
                let more = self.keys.len() / 4 + 1;
                self.keys.reserve_exact(more);
                self.links.reserve_exact(more);
            }
            // There are never more than `NONE`.
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
        self.weight += u64::from(weight);
        self.held += 1;
        self.join(slot);
    }

    fn drop_slot(&mut self, slot: u16) {
        self.leave(slot);
        self.weight -= u64::from(self.weight(slot));
        self.held -= 1;
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

    /// The entry of this slot weighs something else from now on.
    fn reweigh(&mut self, slot: u16, weight: u32) {
        self.weight = self.weight - u64::from(self.weight(slot)) + u64::from(weight);
        self.set_weight(slot, weight);
        while self.weight > self.capacity && self.oldest != NONE {
            self.has_been_full = true;
            self.drop_slot(self.oldest);
        }
    }

    /// How many of the oldest entries make way for one of this key; `None` if it isn't worth them.
    fn victims(&self, key: u32, weight: u64) -> Option<usize> {
        let own = self.sketch.frequency(spread(key));
        let (mut count, mut freed, mut theirs) = (0, 0, 0);
        let mut slot = self.oldest;
        while freed < weight && theirs <= own && count < self.held {
            freed += u64::from(self.weight(slot));
            theirs += self.sketch.frequency(spread(self.keys[usize::from(slot)]));
            count += 1;
            slot = self.links[usize::from(slot)].next;
        }
        (freed >= weight && own > theirs).then_some(count)
    }

    /// Stores the entry of a key that has none, if it is worth it.
    fn store(&mut self, key: u32, weight: u32) {
        if self.weight + u64::from(weight) > self.capacity || self.held == self.most_entries {
            if u64::from(weight) > self.capacity {
                return;
            }
            self.has_been_full = true;
            let victims = self.victims(key, u64::from(weight));
            (0..victims.unwrap_or(0)).for_each(|_| self.drop_slot(self.oldest));
            // What weighs nothing drives nothing out.
            if victims.is_none() || self.held == self.most_entries {
                return;
            }
        }
        self.hold(key, weight);
    }

    /// The sketch starts once the cache is half full, of a size that moka finds by the same sums.
    fn start_sketch(&mut self) {
        let is_half_full = self.weight >= self.capacity / 2;
        if !self.sketch.table.is_empty() || !(is_half_full || self.held == self.most_entries) {
            return;
        }
        self.sketch = Sketch::of(if self.are_counted || !is_half_full {
            self.entries
        } else {
            let share = self.weight as f64 / self.capacity as f64;
            ((self.held as f64 * share) as u32).min(self.entries)
        });
    }
}

impl Simulator for TinyLfu {
    fn access(&mut self, key: u32, weight: u32) -> bool {
        self.sketch.increment(spread(key));
        let slot = self.find(key);
        let is_held = slot != NONE;
        if is_held {
            self.leave(slot);
            self.join(slot);
            if self.weight(slot) != weight {
                self.reweigh(slot, weight);
            }
        } else {
            self.store(key, weight);
        }
        self.start_sketch();
        is_held
    }

    fn weight_of(&self, key: u32) -> Option<u32> {
        let slot = self.find(key);
        (slot != NONE).then(|| self.weight(slot))
    }

    fn remove(&mut self, key: u32) {
        let slot = self.find(key);
        if slot != NONE {
            self.drop_slot(slot);
        }
    }

    /// The sketch stays, as moka's does.
    fn clear(&mut self) {
        (self.weight, self.held, self.oldest, self.free) = (0, 0, NONE, NONE);
        self.keys.clear();
        self.links.clear();
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
            + self.weights.capacity() * size_of::<u32>()
            + self.buckets.len() * size_of::<u16>()
            + self.sketch.table.len() * size_of::<u64>()
    }
}

#[cfg(test)]
mod tests {
    use std::hash::{BuildHasherDefault, Hasher};

    use moka::sync::Cache;

    use super::*;

    /// Gives moka's sketch the hashes that ours gets.
    #[derive(Default)]
    struct Spread(u64);

    impl Hasher for Spread {
        fn finish(&self) -> u64 {
            self.0
        }

        fn write(&mut self, _: &[u8]) {}

        fn write_u32(&mut self, key: u32) {
            self.0 = spread(key);
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

    /// A key's weight, up to so much.
    fn weight(key: u32, most: u32) -> u32 {
        1 + key.wrapping_mul(2_654_435_769) % most
    }

    /// So many entries of average weight, each request settled before the next.
    fn agrees(seed: u64, entries: u32, most: u32) {
        let mut random = Random(seed);
        let capacity = u64::from(entries) * u64::from(most + 1) / 2;
        let mut builder = Cache::builder().max_capacity(capacity);
        if most > 1 {
            builder = builder.weigher(move |key: &u32, (): &()| weight(*key, most));
        }
        let real = builder.build_with_hasher(BuildHasherDefault::<Spread>::default());
        let mut simulated = TinyLfu::new(capacity, entries as usize);
        for (n, key) in trace(&mut random, entries, 20_000 + 20 * entries).into_iter().enumerate() {
            let hit = real.get(&key).is_some();
            if !hit {
                real.insert(key, ());
            }
            real.run_pending_tasks();
            assert_eq!(simulated.access(key, weight(key, most)), hit, "request {n} of key {key}, {entries} entries");
            if random.below(20) == 0 {
                let key = if random.below(2) == 0 { key } else { random.skewed(entries * 2) };
                assert_eq!(simulated.weight_of(key).is_some(), real.contains_key(&key));
                real.invalidate(&key);
                real.run_pending_tasks();
                simulated.remove(key);
            }
        }
        assert_eq!((simulated.held as u64, simulated.weight), (real.entry_count(), real.weighted_size()));
        assert!(simulated.has_been_full());
    }

    // A smaller moka has a sketch for 128 entries all the same, or for 512 where they are weighed.
    #[test]
    fn hits_what_moka_hits() {
        for (seed, entries) in (0..).zip([128, 192, 333, 1_000, 1_536]) {
            agrees(seed, entries, 1);
        }
        for (seed, entries) in (100..).zip([768, 1_000, 1_536]) {
            agrees(seed, entries, 3);
            agrees(seed + 50, entries, 100);
        }
    }

    #[test]
    fn follows_a_weight_that_changes() {
        let mut simulated = TinyLfu::new(1_000, 10);
        assert!(!simulated.access(1, 100));
        assert!(simulated.access(1, 300));
        assert_eq!((simulated.weight_of(1), simulated.weight), (Some(300), 300));
        (2..5).for_each(|key| assert!(!simulated.access(key, 200)));
        assert!(!simulated.has_been_full());
        // Which leaves room for one of the others: the last.
        assert!(simulated.access(1, 700));
        assert!(simulated.has_been_full());
        assert_eq!((2..5).filter(|key| simulated.weight_of(*key).is_some()).collect::<Vec<_>>(), [4]);
        // Too heavy.
        assert!(simulated.access(1, 1_001));
        assert_eq!((simulated.weight_of(1), simulated.weight, simulated.held), (None, 0, 0));
        assert!(!simulated.access(1, 1_001) && !simulated.access(1, 1_001));
    }

    #[test]
    fn forgets_all_that_it_holds() {
        let mut simulated = TinyLfu::new(100, 100);
        (0..1_000).for_each(|key| _ = simulated.access(key, 1));
        simulated.clear();
        assert!((0..1_000).all(|key| simulated.weight_of(key).is_none()));
        assert!((0..100).all(|key| !simulated.access(key, 1)) && (0..100).all(|key| simulated.access(key, 1)));
    }

    #[test]
    fn takes_no_more_memory_than_it_may() {
        let memory = |weight: u32| -> usize {
            let memory_of = |entries: u32| {
                let mut random = Random(7);
                let mut simulated = TinyLfu::new(u64::from(entries * weight), entries as usize);
                (0..50_000).for_each(|_| _ = simulated.access(random.below(10_000), weight));
                simulated.memory()
            };
            [48, 96, 192, 384, 768, 1_536].map(memory_of).iter().sum()
        };
        assert!(memory(1) < 70_000, "{}", memory(1));
        assert!(memory(2) < 60_000, "{}", memory(2));
    }

    #[test]
    fn is_full_at_twice_the_entries_it_was_meant_for() {
        let mut simulated = TinyLfu::new(u64::MAX, 100);
        (0..1_000).for_each(|key| _ = simulated.access(key, key % 3));
        assert_eq!((simulated.held, simulated.keys.len()), (200, 200));
        assert!(simulated.has_been_full());
        // Which still takes in what is asked for more often.
        (0..15).for_each(|_| _ = simulated.access(5_000, 1));
        assert!(simulated.access(5_000, 1));

        let mut simulated = TinyLfu::new(u64::MAX, usize::MAX);
        (0..200_000).for_each(|key| _ = simulated.access(key, u32::MAX));
        assert_eq!(simulated.keys.len(), usize::from(NONE));

        // Nor does it fail where there is next to no room.
        for (capacity, entries) in [(1, 0), (1, 1), (2, 1), (0, 0)] {
            let mut simulated = TinyLfu::new(capacity, entries);
            (0..10_000).for_each(|n| _ = simulated.access(n % 7, n % 3));
        }
    }
}
