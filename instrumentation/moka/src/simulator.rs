//! Simulates moka at another capacity.

use cachescope_core::{KeySlab, Simulator, SlotRing};

use crate::frequency_sketch::FrequencySketch;

/// Hashes a key to 64 bits for the sketch.
fn spread(key: u32) -> u64 {
    let spread = u64::from(key).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    spread ^ (spread >> 29)
}

/// A scaled-down simulation of moka's policy without values. The least recently used entries are victims, and a new
/// entry must have been requested more often than its victims.
///
/// The simulation gives the hits and misses of moka 0.12's `sync::Cache` if moka runs its pending tasks after each
/// request. By default, moka runs them in batches of about 64. An entry takes 12 bytes, and 8 to 16 bytes of the
/// sketch. If entries are weighed, the sketch takes about a quarter of that, as in moka. The first weight other than 1
/// adds 4 bytes to each entry. An access takes about 25 to 40 ns.
pub(crate) struct TinyLfu {
    capacity: u64,
    /// Whether the capacity counts entries.
    counts_entries: bool,
    entries: u32,
    most_entries: usize,
    slots: KeySlab,
    /// All entries in order of their last use. The hand points to the least recently used entry.
    held: SlotRing,
    sketch: FrequencySketch,
    has_been_full: bool,
}

impl TinyLfu {
    /// Creates a simulation with `capacity`, at least 1, in units of weight, for about `entries` entries. If the two
    /// are equal, the capacity counts entries.
    ///
    /// If entries are light, the simulation holds up to twice `entries`, but at most 65,535.
    pub(crate) fn new(capacity: u64, entries: usize) -> Self {
        let counts_entries = usize::try_from(capacity) == Ok(entries);
        let entries = entries.clamp(1, KeySlab::MAX_SLOTS);
        Self {
            capacity,
            counts_entries,
            entries: entries as u32,
            most_entries: (2 * entries).min(KeySlab::MAX_SLOTS),
            slots: KeySlab::new(entries, entries),
            held: SlotRing::default(),
            sketch: FrequencySketch::disabled(),
            has_been_full: false,
        }
    }

    fn drop_oldest(&mut self) {
        if let Some(oldest) = self.held.hand() {
            self.slots.remove(oldest, &mut self.held);
        }
    }

    /// Changes the weight of an entry, and evicts entries above the capacity.
    fn reweigh(&mut self, slot: u16, weight: u32) {
        self.slots.set_weight(slot, weight, &mut self.held);
        while self.held.weight() > self.capacity {
            self.has_been_full = true;
            self.drop_oldest();
        }
    }

    /// Returns how many of the oldest entries an entry of `key` replaces, or `None` if the entry isn't admitted.
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

    /// Stores an entry for a key that has none, if the policy admits it.
    fn store(&mut self, key: u32, weight: u32) {
        if self.held.weight() + u64::from(weight) > self.capacity || self.held.slots() == self.most_entries {
            if u64::from(weight) > self.capacity {
                return;
            }
            self.has_been_full = true;
            let victims = self.victims(key, u64::from(weight));
            (0..victims.unwrap_or(0)).for_each(|_| self.drop_oldest());
            // An entry of weight 0 has no victims.
            if victims.is_none() || self.held.slots() == self.most_entries {
                return;
            }
        }
        let slot = self.slots.insert(key, weight);
        self.slots.push_back(slot, &mut self.held);
    }

    /// Starts the sketch once the cache is half full. The size is calculated as in moka.
    fn start_sketch(&mut self) {
        let is_half_full = self.held.weight() >= self.capacity / 2;
        if !self.sketch.is_disabled() || !(is_half_full || self.held.slots() == self.most_entries) {
            return;
        }
        self.sketch = FrequencySketch::new(if self.counts_entries || !is_half_full {
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
            self.slots.move_to_back(slot, &mut self.held);
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
            self.slots.remove(slot, &mut self.held);
        }
    }

    /// Removes all entries. The sketch stays, as in moka.
    fn clear(&mut self) {
        self.held = SlotRing::default();
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

    use cachescope_testing::{Simulated, check_simulator};
    use moka::sync::Cache;

    use super::*;

    /// Gives moka's sketch the same hashes as the simulated one.
    #[derive(Default)]
    struct SpreadHasher(u64);

    impl Hasher for SpreadHasher {
        fn finish(&self) -> u64 {
            self.0
        }

        fn write(&mut self, _: &[u8]) {}

        fn write_u32(&mut self, key: u32) {
            self.0 = spread(key);
        }
    }

    /// A moka cache that runs its pending tasks after each request.
    struct SettledCache(Cache<u32, u32, BuildHasherDefault<SpreadHasher>>);

    impl Simulated for SettledCache {
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

    /// Compares both at a capacity of `entries` entries of average weight, with weights up to `most`.
    fn assert_simulates_moka(seed: u64, entries: u32, most: u32) {
        let capacity = u64::from(entries) * u64::from(most + 1) / 2;
        let mut builder = Cache::builder().max_capacity(capacity);
        if most > 1 {
            builder = builder.weigher(|_: &u32, weight: &u32| *weight);
        }
        let mut real = SettledCache(builder.build_with_hasher(BuildHasherDefault::default()));
        let mut simulated = TinyLfu::new(capacity, entries as usize);
        assert_eq!(check_simulator(&mut simulated, &mut real, (seed, entries, most)), Ok(()), "{entries} entries");
        assert_eq!(
            (simulated.held.slots() as u64, simulated.held.weight()),
            (real.0.entry_count(), real.0.weighted_size())
        );
        assert!(simulated.has_been_full());
    }

    // A smaller moka cache still has a sketch for 128 entries, or for 512 if entries are weighed.
    #[test]
    fn simulation_matches_mokas_hits() {
        for (seed, entries) in (0..).zip([128, 192, 333, 1_000, 1_536]) {
            assert_simulates_moka(seed, entries, 1);
        }
        for (seed, entries) in (100..).zip([768, 1_000, 1_536]) {
            assert_simulates_moka(seed, entries, 3);
            assert_simulates_moka(seed + 50, entries, 100);
        }
    }

    #[test]
    fn changed_weight_is_followed() {
        let mut simulated = TinyLfu::new(1_000, 10);
        assert!(!simulated.access(1, 100));
        assert!(simulated.access(1, 300));
        assert_eq!((simulated.weight_of(1), simulated.held.weight()), (Some(300), 300));
        (2..5).for_each(|key| assert!(!simulated.access(key, 200)));
        assert!(!simulated.has_been_full());
        // Of the other entries, only the last one still fits.
        assert!(simulated.access(1, 700));
        assert!(simulated.has_been_full());
        assert_eq!((2..5).filter(|key| simulated.weight_of(*key).is_some()).collect::<Vec<_>>(), [4]);
        // Heavier than the capacity.
        assert!(simulated.access(1, 1_001));
        assert_eq!((simulated.weight_of(1), simulated.held.weight(), simulated.held.slots()), (None, 0, 0));
        assert!(!simulated.access(1, 1_001) && !simulated.access(1, 1_001));
    }

    #[test]
    fn clear_removes_all_entries() {
        let mut simulated = TinyLfu::new(100, 100);
        (0..1_000).for_each(|key| _ = simulated.access(key, 1));
        simulated.clear();
        assert!((0..1_000).all(|key| simulated.weight_of(key).is_none()));
        assert!((0..100).all(|key| !simulated.access(key, 1)) && (0..100).all(|key| simulated.access(key, 1)));
    }

    #[test]
    fn memory_is_bounded() {
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
    fn simulation_is_full_at_twice_its_entries() {
        let mut simulated = TinyLfu::new(u64::MAX, 100);
        (0..1_000).for_each(|key| _ = simulated.access(key, key % 3));
        // Slots of evicted entries are reused.
        assert!(simulated.held.slots() == 200 && simulated.slots.capacity() < 250);
        assert!(simulated.has_been_full());
        // A full simulation still admits keys that are requested more often.
        (0..15).for_each(|_| _ = simulated.access(5_000, 1));
        assert!(simulated.access(5_000, 1));

        let mut simulated = TinyLfu::new(u64::MAX, usize::MAX);
        (0..200_000).for_each(|key| _ = simulated.access(key, u32::MAX));
        assert_eq!((simulated.held.slots(), simulated.slots.capacity()), (KeySlab::MAX_SLOTS, KeySlab::MAX_SLOTS));

        // Tiny capacities work as well.
        for (capacity, entries) in [(1, 0), (1, 1), (2, 1), (0, 0)] {
            let mut simulated = TinyLfu::new(capacity, entries);
            (0..10_000).for_each(|n| _ = simulated.access(n % 7, n % 3));
        }
    }
}
