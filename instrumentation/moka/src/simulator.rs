//! What moka would hold at some other capacity.

use cachescope_core::{Ring, Simulator, Slots};

use crate::sketch::Sketch;

/// Spreads a key over 64 bits, as the sketch takes a hash.
fn spread(key: u32) -> u64 {
    let spread = u64::from(key).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    spread ^ (spread >> 29)
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
    slots: Slots,
    /// All entries, by their last use; at its hand is the one used least recently.
    held: Ring,
    sketch: Sketch,
    has_been_full: bool,
}

impl TinyLfu {
    /// Room for `capacity` of weight, at least 1, which is about `entries` entries: if exactly, entries are counted.
    ///
    /// It holds up to twice as many entries should they be light, and no more than 65,535.
    pub(crate) fn new(capacity: u64, entries: usize) -> Self {
        let are_counted = usize::try_from(capacity) == Ok(entries);
        let entries = entries.clamp(1, Slots::MOST);
        Self {
            capacity,
            are_counted,
            entries: entries as u32,
            most_entries: (2 * entries).min(Slots::MOST),
            slots: Slots::new(entries, entries),
            held: Ring::default(),
            sketch: Sketch::off(),
            has_been_full: false,
        }
    }

    fn drop_oldest(&mut self) {
        if let Some(oldest) = self.held.hand() {
            self.slots.release(oldest, &mut self.held);
        }
    }

    /// The entry of this slot weighs something else from now on.
    fn reweigh(&mut self, slot: u16, weight: u32) {
        self.slots.reweigh(slot, weight, &mut self.held);
        while self.held.weight() > self.capacity {
            self.has_been_full = true;
            self.drop_oldest();
        }
    }

    /// How many of the oldest entries make way for one of this key; `None` if it isn't worth them.
    fn victims(&self, key: u32, weight: u64) -> Option<usize> {
        let own = self.sketch.frequency(spread(key));
        let (mut count, mut freed, mut theirs) = (0, 0, 0);
        let oldest_first = std::iter::successors(self.held.hand(), |slot| Some(self.slots.next(*slot)));
        for slot in oldest_first.take(self.held.slots()) {
            if freed >= weight || theirs > own {
                break;
            }
            freed += u64::from(self.slots.weight(slot));
            theirs += self.sketch.frequency(spread(self.slots.key(slot)));
            count += 1;
        }
        (freed >= weight && own > theirs).then_some(count)
    }

    /// Stores the entry of a key that has none, if it is worth it.
    fn store(&mut self, key: u32, weight: u32) {
        if self.held.weight() + u64::from(weight) > self.capacity || self.held.slots() == self.most_entries {
            if u64::from(weight) > self.capacity {
                return;
            }
            self.has_been_full = true;
            let victims = self.victims(key, u64::from(weight));
            (0..victims.unwrap_or(0)).for_each(|_| self.drop_oldest());
            // What weighs nothing drives nothing out.
            if victims.is_none() || self.held.slots() == self.most_entries {
                return;
            }
        }
        let slot = self.slots.take(key, weight);
        self.slots.join(slot, &mut self.held);
    }

    /// The sketch starts once the cache is half full, of a size that moka finds by the same sums.
    fn start_sketch(&mut self) {
        let is_half_full = self.held.weight() >= self.capacity / 2;
        if !self.sketch.is_off() || !(is_half_full || self.held.slots() == self.most_entries) {
            return;
        }
        self.sketch = Sketch::of(if self.are_counted || !is_half_full {
            self.entries
        } else {
            let share = self.held.weight() as f64 / self.capacity as f64;
            ((self.held.slots() as f64 * share) as u32).min(self.entries)
        });
    }
}

impl Simulator for TinyLfu {
    fn access(&mut self, key: u32, weight: u32) -> bool {
        self.sketch.increment(spread(key));
        let found = self.slots.find(key);
        if let Some(slot) = found {
            self.slots.renew(slot, &mut self.held);
            if self.slots.weight(slot) != weight {
                self.reweigh(slot, weight);
            }
        } else {
            self.store(key, weight);
        }
        self.start_sketch();
        found.is_some()
    }

    fn weight_of(&self, key: u32) -> Option<u32> {
        self.slots.find(key).map(|slot| self.slots.weight(slot))
    }

    fn remove(&mut self, key: u32) {
        if let Some(slot) = self.slots.find(key) {
            self.slots.release(slot, &mut self.held);
        }
    }

    /// The sketch stays, as moka's does.
    fn clear(&mut self) {
        self.held = Ring::default();
        self.slots.clear();
    }

    fn has_been_full(&self) -> bool {
        self.has_been_full
    }

    fn memory(&self) -> usize {
        size_of::<Self>() + self.slots.memory() + self.sketch.memory()
    }
}

#[cfg(test)]
mod tests {
    use std::hash::{BuildHasherDefault, Hasher};

    use cachescope_core::contract::{Simulated, simulates};
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

    /// Each request settled before the next.
    struct Settled(Cache<u32, u32, BuildHasherDefault<Spread>>);

    impl Simulated for Settled {
        fn request(&mut self, key: u32, weight: u32) -> bool {
            let hit = self.0.get(&key).is_some();
            if !hit {
                self.0.insert(key, weight);
            }
            self.0.run_pending_tasks();
            hit
        }

        fn holds(&self, key: u32) -> bool {
            self.0.contains_key(&key)
        }

        fn remove(&mut self, key: u32) {
            self.0.invalidate(&key);
            self.0.run_pending_tasks();
        }
    }

    /// So many entries of average weight, up to `most`.
    fn agrees(seed: u64, entries: u32, most: u32) {
        let capacity = u64::from(entries) * u64::from(most + 1) / 2;
        let mut builder = Cache::builder().max_capacity(capacity);
        if most > 1 {
            builder = builder.weigher(|_: &u32, weight: &u32| *weight);
        }
        let mut real = Settled(builder.build_with_hasher(BuildHasherDefault::default()));
        let mut simulated = TinyLfu::new(capacity, entries as usize);
        assert_eq!(simulates(&mut simulated, &mut real, (seed, entries, most)), Ok(()), "{entries} entries");
        assert_eq!(
            (simulated.held.slots() as u64, simulated.held.weight()),
            (real.0.entry_count(), real.0.weighted_size())
        );
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
        assert_eq!((simulated.weight_of(1), simulated.held.weight()), (Some(300), 300));
        (2..5).for_each(|key| assert!(!simulated.access(key, 200)));
        assert!(!simulated.has_been_full());
        // Which leaves room for one of the others: the last.
        assert!(simulated.access(1, 700));
        assert!(simulated.has_been_full());
        assert_eq!((2..5).filter(|key| simulated.weight_of(*key).is_some()).collect::<Vec<_>>(), [4]);
        // Too heavy.
        assert!(simulated.access(1, 1_001));
        assert_eq!((simulated.weight_of(1), simulated.held.weight(), simulated.held.slots()), (None, 0, 0));
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
                let mut simulated = TinyLfu::new(u64::from(entries * weight), entries as usize);
                (0..50_000_u32).for_each(|n| _ = simulated.access(n.wrapping_mul(2_654_435_769) % 10_000, weight));
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
        // As many slots as entries: those of what left are taken again.
        assert!(simulated.held.slots() == 200 && simulated.slots.capacity() < 250);
        assert!(simulated.has_been_full());
        // Which still takes in what is asked for more often.
        (0..15).for_each(|_| _ = simulated.access(5_000, 1));
        assert!(simulated.access(5_000, 1));

        let mut simulated = TinyLfu::new(u64::MAX, usize::MAX);
        (0..200_000).for_each(|key| _ = simulated.access(key, u32::MAX));
        assert_eq!((simulated.held.slots(), simulated.slots.capacity()), (Slots::MOST, Slots::MOST));

        // Nor does it fail where there is next to no room.
        for (capacity, entries) in [(1, 0), (1, 1), (2, 1), (0, 0)] {
            let mut simulated = TinyLfu::new(capacity, entries);
            (0..10_000).for_each(|n| _ = simulated.access(n % 7, n % 3));
        }
    }
}
