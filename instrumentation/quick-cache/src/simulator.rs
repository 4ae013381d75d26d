//! What quick_cache would hold at some other capacity.

use cachescope_core::{Ring, Simulator, Slots};

/// How much of the room is for entries that have been used again. quick_cache's own figure, as the next two are.
const HOT_SHARE: f64 = 0.97;
/// How many keys are remembered of what has left, for each entry there is room for.
const GHOST_SHARE: f64 = 0.5;
/// How many uses an entry can have to its credit. Each spares it once.
const MOST_CREDIT: u8 = 2;

/// The rings: entries seen once, entries used again, and keys whose entries have left.
const COLD: usize = 0;
const HOT: usize = 1;
const GHOSTS: usize = 2;

/// What a slot is: the ring it is in, and above it its credit. One byte, since there are many.
#[derive(Clone, Copy)]
struct Mark(u8);

impl Mark {
    fn of(ring: usize, credit: u8) -> Self {
        Self(credit << 2 | ring as u8)
    }

    fn ring(self) -> usize {
        usize::from(self.0 & 3)
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
    slots: Slots,
    /// By slot.
    marks: Vec<Mark>,
    has_been_full: bool,
}

impl ClockPro {
    /// Room for `capacity` of weight, at least 1, which is about `entries` entries.
    ///
    /// It holds up to twice as many entries should they be light, and no more than some 43,000.
    pub(crate) fn new(capacity: u64, entries: usize) -> Self {
        let entries = entries.clamp(1, Slots::MOST);
        let most_ghosts = ((entries as f64 * GHOST_SHARE) as usize).min(Slots::MOST / 3);
        let most_entries = (2 * entries).min(Slots::MOST - most_ghosts);
        let slots = entries.min(most_entries) + most_ghosts;
        Self {
            capacity,
            hot_target: ((capacity as f64 * HOT_SHARE) as u64).clamp(capacity.min(1), capacity),
            most_entries,
            most_ghosts,
            rings: [Ring::default(); 3],
            slots: Slots::new(slots, slots.div_ceil(2)),
            marks: Vec::with_capacity(slots),
            has_been_full: false,
        }
    }

    /// Whether a slot that was found is an entry's.
    fn is_held(&self, slot: u16) -> bool {
        self.marks[usize::from(slot)].ring() != GHOSTS
    }

    fn held(&self, key: u32) -> Option<u16> {
        self.slots.find(key).filter(|slot| self.is_held(*slot))
    }

    /// Puts a slot that is in no ring into this one.
    fn join(&mut self, slot: u16, ring: usize, credit: u8) {
        let at = usize::from(slot);
        if at == self.marks.len() {
            self.marks.reserve_exact(self.slots.capacity() - at);
            self.marks.push(Mark::of(ring, credit));
        } else {
            self.marks[at] = Mark::of(ring, credit);
        }
        self.slots.join(slot, &mut self.rings[ring]);
    }

    /// Takes a slot out of its ring.
    fn leave(&mut self, slot: u16) {
        self.slots.leave(slot, &mut self.rings[self.marks[usize::from(slot)].ring()]);
    }

    /// Forgets a slot and its key.
    fn drop_slot(&mut self, slot: u16) {
        self.slots.release(slot, &mut self.rings[self.marks[usize::from(slot)].ring()]);
    }

    /// Drops entries until there is room for so many more, of this weight.
    fn make_room(&mut self, entries: usize, weight: u64) {
        while self.is_over(entries, weight) && self.step() {}
    }

    fn is_over(&self, entries: usize, weight: u64) -> bool {
        let [cold, hot, _] = &self.rings;
        hot.weight() + cold.weight() + weight > self.capacity
            || hot.slots() + cold.slots() + entries > self.most_entries
    }

    /// Drops an entry of the cold ring, or makes it hot if it has been used since. `false` if there is none.
    fn step(&mut self) -> bool {
        let Some(slot) = self.rings[COLD].hand() else { return self.drop_hot() };
        self.leave(slot);
        let credit = self.marks[usize::from(slot)].credit();
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

    /// Drops the next hot entry that has no credit left; it isn't remembered. `false` if there is none.
    fn drop_hot(&mut self) -> bool {
        while let Some(slot) = self.rings[HOT].hand() {
            let mark = &mut self.marks[usize::from(slot)];
            if mark.credit() == 0 {
                self.has_been_full = true;
                self.drop_slot(slot);
                return true;
            }
            *mark = Mark::of(HOT, mark.credit() - 1);
            self.slots.turn(&mut self.rings[HOT]);
        }
        false
    }

    /// The entry of this slot weighs something else from now on.
    fn reweigh(&mut self, slot: u16, weight: u32) {
        if u64::from(weight) > self.hot_target {
            self.drop_slot(slot);
            return;
        }
        self.slots.reweigh(slot, weight, &mut self.rings[self.marks[usize::from(slot)].ring()]);
        self.make_room(0, 0);
    }

    /// Stores the entry of a key that has none, but perhaps a slot as a ghost.
    fn store(&mut self, key: u32, ghost: Option<u16>, weight: u32) {
        if u64::from(weight) > self.hot_target {
            return;
        }
        if let Some(ghost) = ghost {
            self.slots.reweigh(ghost, weight, &mut self.rings[GHOSTS]);
            self.leave(ghost);
            self.join(ghost, HOT, 0);
            self.make_room(0, 0);
            return;
        }
        let is_hot = self.rings[HOT].weight() + u64::from(weight) <= self.hot_target;
        self.make_room(1, u64::from(weight));
        let slot = self.slots.take(key, weight);
        self.join(slot, if is_hot { HOT } else { COLD }, 0);
    }
}

impl Simulator for ClockPro {
    fn access(&mut self, key: u32, weight: u32) -> bool {
        // As the store has it: what weighs nothing, quick_cache never drives out.
        let weight = weight.max(1);
        let found = self.slots.find(key);
        let Some(slot) = found.filter(|slot| self.is_held(*slot)) else {
            self.store(key, found, weight);
            return false;
        };
        let mark = &mut self.marks[usize::from(slot)];
        *mark = Mark::of(mark.ring(), (mark.credit() + 1).min(MOST_CREDIT));
        if self.slots.weight(slot) != weight {
            self.reweigh(slot, weight);
        }
        true
    }

    fn weight_of(&self, key: u32) -> Option<u32> {
        self.held(key).map(|slot| self.slots.weight(slot))
    }

    /// What is only remembered of it goes as well.
    fn remove(&mut self, key: u32) {
        if let Some(slot) = self.slots.find(key) {
            self.drop_slot(slot);
        }
    }

    fn clear(&mut self) {
        self.rings = Default::default();
        self.slots.clear();
        self.marks.clear();
    }

    fn has_been_full(&self) -> bool {
        self.has_been_full
    }

    fn memory(&self) -> usize {
        size_of::<Self>() + self.slots.memory() + self.marks.capacity() * size_of::<Mark>()
    }
}

#[cfg(test)]
mod tests {
    use cachescope_core::contract::{Simulated, simulates};
    use quick_cache::Weighter;
    use quick_cache::unsync::Cache;

    use super::*;

    #[derive(Clone)]
    struct ByValue;

    impl Weighter<u32, u32> for ByValue {
        fn weight(&self, _: &u32, weight: &u32) -> u64 {
            u64::from(*weight)
        }
    }

    struct Real(Cache<u32, u32, ByValue>);

    impl Simulated for Real {
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

    /// So many entries of average weight, up to `most`; and once more after all are dropped.
    fn agrees(seed: u64, entries: u32, most: u32) {
        let capacity = u64::from(entries) * u64::from(most + 1) / 2;
        let mut real = Real(Cache::with_weighter(entries as usize, capacity, ByValue));
        let mut simulated = ClockPro::new(capacity, entries as usize);
        for seed in [seed, seed + 1_000] {
            assert_eq!(simulates(&mut simulated, &mut real, (seed, entries, most)), Ok(()), "{entries} entries");
            assert_eq!(simulated.rings[COLD].weight() + simulated.rings[HOT].weight(), real.0.weight());
            assert!(simulated.has_been_full());
            real.0.clear();
            simulated.clear();
        }
    }

    #[test]
    fn hits_what_quick_cache_hits() {
        for (seed, entries) in (0..).zip([1, 2, 3, 5, 10, 33, 48, 100, 192, 1_000, 1_536]) {
            agrees(seed, entries, 1);
        }
    }

    #[test]
    fn hits_what_quick_cache_hits_by_weight() {
        for (seed, entries) in (100..).zip([2, 5, 10, 48, 100, 192, 1_000, 1_536]) {
            agrees(seed, entries, 3);
            // More room than for the fewest: chance has it that twice as many light ones are there.
            agrees(seed + 50, 40 + entries, 100);
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
    fn is_full_at_twice_the_entries_it_was_meant_for() {
        let mut simulated = ClockPro::new(u64::MAX, 100);
        (0..1_000).for_each(|key| _ = simulated.access(key, key));
        assert_eq!((0..1_000).filter(|key| simulated.weight_of(*key).is_some()).count(), 200);
        assert!(simulated.marks.len() <= 250 && simulated.has_been_full());

        let mut simulated = ClockPro::new(u64::MAX, usize::MAX);
        (0..200_000).for_each(|key| _ = simulated.access(key, u32::MAX));
        assert!(simulated.marks.len() <= Slots::MOST);

        // Nor does it fail where there is next to no room.
        for (capacity, entries) in [(1, 0), (1, 1), (2, 1), (0, 0)] {
            let mut simulated = ClockPro::new(capacity, entries);
            (0..10_000).for_each(|n| _ = simulated.access(n % 7, n % 3));
        }
    }
}
