//! Simulates quick_cache at another capacity.

use cachescope_core::{KeySlab, Simulator, SlotRing};

/// The share of the capacity for hot entries, which have been used again. This value and the next two are quick_cache's
/// own.
const HOT_SHARE: f64 = 0.97;
/// The number of remembered keys of evicted entries, relative to the number of entries.
const GHOST_SHARE: f64 = 0.5;
/// The maximum credit of an entry. Each use adds one credit, and each credit spares the entry from one eviction.
const MOST_CREDIT: u8 = 2;

/// The rings: cold entries (requested once), hot entries (used again), and ghosts (keys of evicted entries).
const COLD: usize = 0;
const HOT: usize = 1;
const GHOSTS: usize = 2;

/// The state of a slot in one byte: the ring in the low two bits, and the credit above them.
#[derive(Clone, Copy)]
struct SlotState(u8);

impl SlotState {
    fn new(ring: usize, credit: u8) -> Self {
        Self(credit << 2 | ring as u8)
    }

    fn ring(self) -> usize {
        usize::from(self.0 & 3)
    }

    fn credit(self) -> u8 {
        self.0 >> 2
    }
}

/// A scaled-down simulation of quick_cache's policy, Clock-PRO similar to S3-FIFO, for one shard and without values.
///
/// The simulation gives the hits and misses of quick_cache 0.7's `unsync::Cache`. There are three slots for two
/// entries. A slot takes 12 bytes, and 4 more after the first weight other than 1. An access takes about 20 to 45 ns.
pub(crate) struct ClockPro {
    capacity: u64,
    hot_target: u64,
    most_entries: usize,
    most_ghosts: usize,
    rings: [SlotRing; 3],
    slots: KeySlab,
    /// Indexed by slot.
    states: Vec<SlotState>,
    has_been_full: bool,
}

impl ClockPro {
    /// Creates a simulation with `capacity`, at least 1, in units of weight, for about `entries` entries.
    ///
    /// If entries are light, the simulation holds up to twice `entries`, but at most about 43,000.
    pub(crate) fn new(capacity: u64, entries: usize) -> Self {
        let entries = entries.clamp(1, KeySlab::MAX_SLOTS);
        let most_ghosts = ((entries as f64 * GHOST_SHARE) as usize).min(KeySlab::MAX_SLOTS / 3);
        let most_entries = (2 * entries).min(KeySlab::MAX_SLOTS - most_ghosts);
        let slots = entries.min(most_entries) + most_ghosts;
        Self {
            capacity,
            hot_target: ((capacity as f64 * HOT_SHARE) as u64).clamp(capacity.min(1), capacity),
            most_entries,
            most_ghosts,
            rings: [SlotRing::default(); 3],
            slots: KeySlab::new(slots, slots.div_ceil(2)),
            states: Vec::with_capacity(slots),
            has_been_full: false,
        }
    }

    /// Whether the slot holds an entry, not a ghost.
    fn is_held(&self, slot: u16) -> bool {
        self.states[usize::from(slot)].ring() != GHOSTS
    }

    fn held(&self, key: u32) -> Option<u16> {
        self.slots.find(key).filter(|slot| self.is_held(*slot))
    }

    /// Adds a slot to a ring. The slot is in no ring before.
    fn join(&mut self, slot: u16, ring: usize, credit: u8) {
        let at = usize::from(slot);
        if at == self.states.len() {
            self.states.reserve_exact(self.slots.capacity() - at);
            self.states.push(SlotState::new(ring, credit));
        } else {
            self.states[at] = SlotState::new(ring, credit);
        }
        self.slots.push_back(slot, &mut self.rings[ring]);
    }

    /// Removes a slot from its ring.
    fn leave(&mut self, slot: u16) {
        self.slots.unlink(slot, &mut self.rings[self.states[usize::from(slot)].ring()]);
    }

    /// Releases a slot and its key.
    fn drop_slot(&mut self, slot: u16) {
        self.slots.remove(slot, &mut self.rings[self.states[usize::from(slot)].ring()]);
    }

    /// Evicts entries until `entries` more entries of total weight `weight` fit.
    fn make_room(&mut self, entries: usize, weight: u64) {
        while self.is_over(entries, weight) && self.step() {}
    }

    fn is_over(&self, entries: usize, weight: u64) -> bool {
        let [cold, hot, _] = &self.rings;
        hot.weight() + cold.weight() + weight > self.capacity
            || hot.slots() + cold.slots() + entries > self.most_entries
    }

    /// Evicts an entry from the cold ring, or makes it hot if it has been used again. Returns `false` if there is no
    /// entry.
    fn step(&mut self) -> bool {
        let Some(slot) = self.rings[COLD].hand() else { return self.drop_hot() };
        self.leave(slot);
        let credit = self.states[usize::from(slot)].credit();
        if credit > 0 {
            self.join(slot, HOT, credit - 1);
            while self.rings[HOT].weight() > self.hot_target && self.drop_hot() {}
            return true;
        }
        self.has_been_full = true;
        self.join(slot, GHOSTS, 0);
        let ghosts = self.rings[GHOSTS];
        if let Some(oldest) = ghosts.hand().filter(|_| ghosts.slots() > self.most_ghosts) {
            self.drop_slot(oldest);
        }
        true
    }

    /// Evicts the next hot entry without credit. Its key isn't remembered. Returns `false` if there is no hot entry.
    fn drop_hot(&mut self) -> bool {
        while let Some(slot) = self.rings[HOT].hand() {
            let state = &mut self.states[usize::from(slot)];
            if state.credit() == 0 {
                self.has_been_full = true;
                self.drop_slot(slot);
                return true;
            }
            *state = SlotState::new(HOT, state.credit() - 1);
            self.slots.advance(&mut self.rings[HOT]);
        }
        false
    }

    /// Changes the weight of an entry, and evicts entries above the capacity.
    fn reweigh(&mut self, slot: u16, weight: u32) {
        if u64::from(weight) > self.hot_target {
            self.drop_slot(slot);
            return;
        }
        self.slots.set_weight(slot, weight, &mut self.rings[self.states[usize::from(slot)].ring()]);
        self.make_room(0, 0);
    }

    /// Stores an entry for a key that has none. The key may be a ghost.
    fn store(&mut self, key: u32, ghost: Option<u16>, weight: u32) {
        if u64::from(weight) > self.hot_target {
            return;
        }
        if let Some(ghost) = ghost {
            self.slots.set_weight(ghost, weight, &mut self.rings[GHOSTS]);
            self.leave(ghost);
            self.join(ghost, HOT, 0);
            self.make_room(0, 0);
            return;
        }
        let is_hot = self.rings[HOT].weight() + u64::from(weight) <= self.hot_target;
        self.make_room(1, u64::from(weight));
        let slot = self.slots.insert(key, weight);
        self.join(slot, if is_hot { HOT } else { COLD }, 0);
    }
}

impl Simulator for ClockPro {
    fn access(&mut self, key: u32, weight: u32) -> bool {
        // As in the store: quick_cache never evicts an entry of weight 0.
        let weight = weight.max(1);
        let found = self.slots.find(key);
        let Some(slot) = found.filter(|slot| self.is_held(*slot)) else {
            self.store(key, found, weight);
            return false;
        };
        let state = &mut self.states[usize::from(slot)];
        *state = SlotState::new(state.ring(), (state.credit() + 1).min(MOST_CREDIT));
        if self.slots.weight(slot) != weight {
            self.reweigh(slot, weight);
        }
        true
    }

    fn weight_of(&self, key: u32) -> Option<u32> {
        self.held(key).map(|slot| self.slots.weight(slot))
    }

    /// Removes the entry or the ghost of a key.
    fn remove(&mut self, key: u32) {
        if let Some(slot) = self.slots.find(key) {
            self.drop_slot(slot);
        }
    }

    fn clear(&mut self) {
        self.rings = Default::default();
        self.slots.clear();
        self.states.clear();
    }

    fn has_been_full(&self) -> bool {
        self.has_been_full
    }

    fn memory(&self) -> usize {
        size_of::<Self>() + self.slots.memory() + self.states.capacity() * size_of::<SlotState>()
    }
}

#[cfg(test)]
mod tests {
    use cachescope_testing::{Simulated, check_simulator};
    use quick_cache::Weighter;
    use quick_cache::unsync::Cache;

    use super::*;

    #[derive(Clone)]
    struct ValueWeighter;

    impl Weighter<u32, u32> for ValueWeighter {
        fn weight(&self, _: &u32, weight: &u32) -> u64 {
            u64::from(*weight)
        }
    }

    struct QuickCacheUnderTest(Cache<u32, u32, ValueWeighter>);

    impl Simulated for QuickCacheUnderTest {
        fn request(&mut self, key: u32, weight: u32) -> bool {
            let hit = self.0.get(&key).is_some();
            if !hit {
                self.0.insert(key, weight);
            }
            hit
        }

        fn holds(&self, key: u32) -> bool {
            self.0.peek(&key).is_some()
        }

        fn remove(&mut self, key: u32) {
            self.0.remove(&key);
        }
    }

    /// Compares both at a capacity of `entries` entries of average weight, with weights up to `most`. Compares again
    /// after all entries are removed.
    fn assert_simulates_quick_cache(seed: u64, entries: u32, most: u32) {
        let capacity = u64::from(entries) * u64::from(most + 1) / 2;
        let mut real = QuickCacheUnderTest(Cache::with_weighter(entries as usize, capacity, ValueWeighter));
        let mut simulated = ClockPro::new(capacity, entries as usize);
        for seed in [seed, seed + 1_000] {
            assert_eq!(check_simulator(&mut simulated, &mut real, (seed, entries, most)), Ok(()), "{entries} entries");
            assert_eq!(simulated.rings[COLD].weight() + simulated.rings[HOT].weight(), real.0.weight());
            assert!(simulated.has_been_full());
            real.0.clear();
            simulated.clear();
        }
    }

    #[test]
    fn simulation_matches_quick_caches_hits() {
        for (seed, entries) in (0..).zip([1, 2, 3, 5, 10, 33, 48, 100, 192, 1_000, 1_536]) {
            assert_simulates_quick_cache(seed, entries, 1);
        }
    }

    #[test]
    fn simulation_matches_quick_caches_hits_with_weights() {
        for (seed, entries) in (100..).zip([2, 5, 10, 48, 100, 192, 1_000, 1_536]) {
            assert_simulates_quick_cache(seed, entries, 3);
            // At least 40 entries: at smaller capacities, twice as many light entries may fit by chance.
            assert_simulates_quick_cache(seed + 50, 40 + entries, 100);
        }
    }

    #[test]
    fn changed_weight_is_followed() {
        let mut simulated = ClockPro::new(1_000, 10);
        assert!(!simulated.access(1, 100));
        assert!(simulated.access(1, 300));
        assert_eq!(simulated.weight_of(1), Some(300));
        (2..5).for_each(|key| assert!(!simulated.access(key, 200)));
        assert!(!simulated.has_been_full());
        // Of the other entries, only one still fits.
        assert!(simulated.access(1, 700));
        assert!(simulated.has_been_full());
        assert_eq!((2..5).filter(|key| simulated.weight_of(*key).is_some()).count(), 1);
        // Heavier than the limit for one entry.
        assert!(simulated.access(1, 980));
        assert_eq!(simulated.weight_of(1), None);
    }

    #[test]
    fn memory_is_bounded() {
        let memory = |weight: u32| -> usize {
            let memory_of = |entries: u32| {
                let mut simulated = ClockPro::new(u64::from(entries * weight), entries as usize);
                (0..50_000_u32).for_each(|n| _ = simulated.access(n.wrapping_mul(2_654_435_769) % 10_000, weight));
                simulated.memory()
            };
            [48, 96, 192, 384, 768, 1_536].map(memory_of).iter().sum()
        };
        assert!(memory(1) < 57_000, "{}", memory(1));
        assert!(memory(2) < 75_000, "{}", memory(2));
    }

    #[test]
    fn simulation_is_full_at_twice_its_entries() {
        let mut simulated = ClockPro::new(u64::MAX, 100);
        (0..1_000).for_each(|key| _ = simulated.access(key, key));
        assert_eq!((0..1_000).filter(|key| simulated.weight_of(*key).is_some()).count(), 200);
        assert!(simulated.states.len() <= 250 && simulated.has_been_full());

        let mut simulated = ClockPro::new(u64::MAX, usize::MAX);
        (0..200_000).for_each(|key| _ = simulated.access(key, u32::MAX));
        assert!(simulated.states.len() <= KeySlab::MAX_SLOTS);

        // Tiny capacities work as well.
        for (capacity, entries) in [(1, 0), (1, 1), (2, 1), (0, 0)] {
            let mut simulated = ClockPro::new(capacity, entries);
            (0..10_000).for_each(|n| _ = simulated.access(n % 7, n % 3));
        }
    }
}
