//! Hits, counted by each thread in a cell of its own: no shared write, no lock, nothing lost.

use std::sync::atomic::Ordering;

use super::shim::AtomicU64;
use super::slot::{self, SLOTS};
use super::timing::HitTiming;
use crate::clock::Moment;
use crate::entry::Cost;

#[cfg(all(test, loom))]
mod model;

/// The hits of one cache, 8 KiB.
#[derive(Debug)]
pub(crate) struct Hits {
    cells: Box<[HitCell; SLOTS]>,
    timing: HitTiming,
    /// Whether somebody is told of each hit: none is quiet then.
    observed: bool,
    /// Of threads past [`SLOTS`], and of threads that are ending.
    shared: AtomicU64,
    shared_saved: AtomicU64,
}

/// What one thread counts of one cache, alone on its cache lines.
///
/// Written by one thread at a time with plain loads and stores; read by any.
#[derive(Debug, Default)]
#[repr(align(128))]
pub struct HitCell {
    hits: AtomicU64,
    /// Nanoseconds that the loads of the entries had taken which were hit.
    saved: AtomicU64,
    /// Before so many hits, the next is quiet: neither timed nor told to anyone.
    quiet_until: AtomicU64,
    next_timed: AtomicU64,
    /// The last timed hit: how many there had been, and when.
    timed_hits: AtomicU64,
    timed_at: AtomicU64,
}

impl HitCell {
    /// Counts a hit of an entry whose load had cost so much. Call it after the look-up: `Clone` and `Hash` of the user's
    /// may come back in here.
    #[inline(always)]
    pub fn count(&self, cost: Cost) {
        self.hits.store(self.hits.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
        // Centuries of saved time go round.
        self.saved.store(self.saved.load(Ordering::Relaxed).wrapping_add(cost.nanos()), Ordering::Relaxed);
    }

    /// Whether the next hit is one of which nothing is to be known but that it was.
    #[inline(always)]
    #[must_use]
    pub fn is_quiet(&self) -> bool {
        self.hits.load(Ordering::Relaxed) < self.quiet_until.load(Ordering::Relaxed)
    }

    fn is_timing_due(&self) -> bool {
        self.hits.load(Ordering::Relaxed) >= self.next_timed.load(Ordering::Relaxed)
    }

    fn new(timing: HitTiming) -> Self {
        let first = timing.first();
        Self { quiet_until: AtomicU64::new(first), next_timed: AtomicU64::new(first), ..Self::default() }
    }

    /// Draws how many hits go untimed until the next, from how fast they came since the last; gives how many that were.
    fn schedule(&self, now: Moment, timing: HitTiming, observed: bool) -> u64 {
        let hits = self.hits.load(Ordering::Relaxed);
        let since = hits - self.timed_hits.load(Ordering::Relaxed);
        let elapsed = now.since(Moment::from_nanos(self.timed_at.load(Ordering::Relaxed)));
        self.timed_hits.store(hits, Ordering::Relaxed);
        self.timed_at.store(now.as_nanos(), Ordering::Relaxed);
        let untimed = timing.untimed(since, elapsed, mix(hits ^ now.as_nanos()));
        let next = hits.saturating_add(untimed);
        self.next_timed.store(next, Ordering::Relaxed);
        if !observed {
            self.quiet_until.store(next, Ordering::Relaxed);
        }
        since
    }
}

/// Splitmix64: random enough for a jitter, and keeps no state.
fn mix(seed: u64) -> u64 {
    let mut mixed = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

impl Hits {
    pub(crate) fn new(timing: HitTiming) -> Self {
        let cells = Box::new(std::array::from_fn(|_| HitCell::new(timing)));
        Self { cells, timing, observed: false, shared: AtomicU64::default(), shared_saved: AtomicU64::default() }
    }

    /// Has no hit be quiet.
    pub(crate) fn observe(&mut self) {
        self.observed = true;
        self.cells.iter().for_each(|cell| cell.quiet_until.store(0, Ordering::Relaxed));
    }

    /// This thread's cell, if it has one already.
    #[inline(always)]
    pub(crate) fn cell(&self) -> Option<&HitCell> {
        self.cells.get(slot::current())
    }

    /// Counts a hit that began at `now`, on the path that may lease a slot; says whether it is to be timed, and for how
    /// many hits that one stands.
    #[cold]
    pub(crate) fn count_slowly(&self, now: Moment, cost: Cost) -> Option<u64> {
        let Some(slot) = slot::lease() else {
            let before = self.shared.fetch_add(1, Ordering::Relaxed);
            self.shared_saved.fetch_add(cost.nanos(), Ordering::Relaxed);
            return self.timing.times_shared(before).then_some(1);
        };
        let cell = &self.cells[slot];
        let due = cell.is_timing_due();
        cell.count(cost);
        due.then(|| cell.schedule(now, self.timing, self.observed))
    }

    /// All hits so far. Each cell only grows, so a later sum is never smaller.
    pub(crate) fn sum(&self) -> u64 {
        let cells: u64 = self.cells.iter().map(|cell| cell.hits.load(Ordering::Relaxed)).sum();
        cells + self.shared.load(Ordering::Relaxed)
    }

    /// Nanoseconds of loads that they saved. Each cell only grows.
    pub(crate) fn saved(&self) -> u64 {
        let cells = self.cells.iter().map(|cell| cell.saved.load(Ordering::Relaxed));
        cells.fold(self.shared_saved.load(Ordering::Relaxed), u64::wrapping_add)
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use std::sync::Arc;

    use super::super::timing::LONGEST_INTERVAL;
    use super::*;

    fn hit(hits: &Hits, now: Moment) -> bool {
        match hits.cell() {
            Some(cell) if cell.is_quiet() => {
                cell.count(Cost::NOTHING);
                false
            }
            _ => hits.count_slowly(now, Cost::NOTHING).is_some(),
        }
    }

    #[test]
    fn more_threads_than_slots_lose_nothing() {
        let hits = Arc::new(Hits::new(HitTiming::Paced));
        let start = Arc::new(std::sync::Barrier::new(SLOTS + 20));
        let threads: Vec<_> = (0..SLOTS + 20)
            .map(|_| {
                let (hits, start) = (Arc::clone(&hits), Arc::clone(&start));
                std::thread::spawn(move || {
                    start.wait();
                    for _ in 0..5_000 {
                        hit(&hits, Moment::from_nanos(0));
                    }
                })
            })
            .collect();
        for thread in threads {
            thread.join().unwrap();
        }
        assert_eq!(hits.sum(), (SLOTS as u64 + 20) * 5_000);
    }

    #[test]
    fn short_lived_threads_go_on_in_each_others_cells() {
        let hits = Arc::new(Hits::new(HitTiming::Paced));
        for _ in 0..3 * SLOTS {
            let hits = Arc::clone(&hits);
            std::thread::spawn(move || {
                (0..100).for_each(|_| {
                    hit(&hits, Moment::from_nanos(0));
                })
            })
            .join()
            .unwrap();
        }
        assert_eq!(hits.sum(), 3 * SLOTS as u64 * 100);
    }

    #[test]
    fn rare_hits_are_all_timed_and_frequent_ones_at_the_pace() {
        // time between hits, hits, and how many of them are to be timed
        for (gap, count, expected) in [(5_000_000, 1_000, 1_000), (100_000, 200_000, 20_000), (100, 5_120_000, 10_000)]
        {
            let hits = Hits::new(HitTiming::Paced);
            let timed = (0..count).filter(|n| hit(&hits, Moment::from_nanos(n * gap))).count() as f64;
            // Distances are uniform on 1 to twice the mean: a count's standard deviation is below 0.6 of its root.
            let error = (timed - expected as f64).abs();
            assert!(
                error <= 6.0 * (expected as f64).sqrt(),
                "{timed} timed of {count}, {gap} ns apart; {expected} expected"
            );
        }
    }

    #[test]
    fn a_cache_that_has_become_quiet_is_timed_again_soon() {
        let hits = Hits::new(HitTiming::Paced);
        (0..100_000).for_each(|n| {
            hit(&hits, Moment::from_nanos(n * 100));
        });
        let quiet = |n: u64| Moment::from_nanos(1_000_000_000 * (n + 1));
        let first = (0..).position(|n| hit(&hits, quiet(n))).unwrap() as u64;
        assert!(first < 2 * LONGEST_INTERVAL, "{first}");
        assert!((first + 1..first + 100).all(|n| hit(&hits, quiet(n))));
    }

    #[test]
    fn what_is_timed_is_as_chosen_and_changes_no_count() {
        for (timing, least, most) in [
            (HitTiming::Every, 10_000, 10_000),
            (HitTiming::Never, 0, 0),
            (HitTiming::OneIn(1), 10_000, 10_000),
            // Six standard deviations of a sum of uniform distances.
            (HitTiming::OneIn(100), 65, 140),
        ] {
            let hits = Hits::new(timing);
            let timed = (0..10_000).filter(|n| hit(&hits, Moment::from_nanos(n * 100))).count();
            assert!((least..=most).contains(&timed), "{timing:?}: {timed}");
            assert_eq!(hits.sum(), 10_000, "{timing:?}");
        }
    }

    #[test]
    fn quantiles_of_hits_timed_one_in_so_many_are_those_of_all() {
        // Every tenth hit takes ten times as long, in step with whatever is periodic.
        let took = |n: u64| if n.is_multiple_of(10) { 1_000 } else { 100 };
        let hits = Hits::new(HitTiming::OneIn(10));
        let timed: Vec<u64> = (0..200_000).filter(|n| hit(&hits, Moment::from_nanos(n * 100))).map(took).collect();
        let slow = timed.iter().filter(|took| **took == 1_000).count() as f64 / timed.len() as f64;
        // Of 20,000 timed a tenth, within six standard deviations.
        assert!((slow - 0.1).abs() < 0.013, "{slow} of {} timed", timed.len());
    }
}
