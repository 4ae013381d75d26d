//! Hits. Each thread counts them in a cell of its own: no shared write, no lock, and no lost hit.

use std::sync::atomic::Ordering;

use cachescope_core::{LoadCost, Timestamp};

use super::hit_timing::HitTiming;
use super::shim::AtomicU64;
use super::slot::{self, SLOTS};

#[cfg(all(test, loom))]
mod model;

/// The hits of one cache, in 8 KiB.
#[derive(Debug)]
pub(crate) struct Hits {
    cells: Box<[HitCell; SLOTS]>,
    timing: HitTiming,
    /// Whether an observer receives each hit. Then no hit is quiet.
    observed: bool,
    /// The hits of threads beyond [`SLOTS`], and of threads that are ending.
    shared: AtomicU64,
    shared_saved: AtomicU64,
}

/// The hits of one cache on one thread, on cache lines of their own.
///
/// One thread at a time writes it, with plain loads and stores. Any thread reads it.
#[derive(Debug, Default)]
#[repr(align(128))]
pub struct HitCell {
    hits: AtomicU64,
    /// The load time that the hits avoided, in nanoseconds.
    saved: AtomicU64,
    /// While there are fewer hits, the next one is quiet: it is neither timed nor passed to an observer.
    quiet_until: AtomicU64,
    next_timed: AtomicU64,
    /// The number of hits at the last timed hit, and its time.
    timed_hits: AtomicU64,
    timed_at: AtomicU64,
}

impl HitCell {
    /// Counts a hit of an entry whose load cost `cost`. Call this after the look-up, because the user's `Clone` and
    /// `Hash` may use the cache and count hits themselves.
    #[inline(always)]
    pub fn count(&self, cost: LoadCost) {
        self.hits.store(self.hits.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
        // Wraps around after centuries of load time.
        self.saved.store(self.saved.load(Ordering::Relaxed).wrapping_add(cost.nanos()), Ordering::Relaxed);
    }

    /// Returns whether the next hit needs nothing but counting.
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

    /// Chooses the next timed hit from the rate of hits since the last one. Returns the number of hits since then.
    fn schedule(&self, now: Timestamp, timing: HitTiming, observed: bool) -> u64 {
        let hits = self.hits.load(Ordering::Relaxed);
        let since = hits - self.timed_hits.load(Ordering::Relaxed);
        let elapsed = now.since(Timestamp::from_nanos(self.timed_at.load(Ordering::Relaxed)));
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

/// SplitMix64: random enough for a jitter, and without state.
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

    /// Makes all hits non-quiet.
    pub(crate) fn observe(&mut self) {
        self.observed = true;
        self.cells.iter().for_each(|cell| cell.quiet_until.store(0, Ordering::Relaxed));
    }

    /// Returns this thread's cell, if it has one already.
    #[inline(always)]
    pub(crate) fn cell(&self) -> Option<&HitCell> {
        self.cells.get(slot::current())
    }

    /// Counts a hit that started at `now`, on the path that may lease a slot. If the hit must be timed, returns the
    /// number of hits that it represents.
    #[cold]
    pub(crate) fn count_slowly(&self, now: Timestamp, cost: LoadCost) -> Option<u64> {
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

    /// Returns the number of hits so far. Each cell only grows, so a later sum is never smaller.
    pub(crate) fn sum(&self) -> u64 {
        let cells: u64 = self.cells.iter().map(|cell| cell.hits.load(Ordering::Relaxed)).sum();
        cells + self.shared.load(Ordering::Relaxed)
    }

    /// Returns the load time that the hits avoided, in nanoseconds. Each cell only grows.
    pub(crate) fn saved(&self) -> u64 {
        let cells = self.cells.iter().map(|cell| cell.saved.load(Ordering::Relaxed));
        cells.fold(self.shared_saved.load(Ordering::Relaxed), u64::wrapping_add)
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use std::sync::Arc;

    use super::super::hit_timing::LONGEST_INTERVAL;
    use super::*;

    fn hit(hits: &Hits, now: Timestamp) -> bool {
        match hits.cell() {
            Some(cell) if cell.is_quiet() => {
                cell.count(LoadCost::ZERO);
                false
            }
            _ => hits.count_slowly(now, LoadCost::ZERO).is_some(),
        }
    }

    #[test]
    fn hits_of_more_threads_than_slots_are_all_counted() {
        let hits = Arc::new(Hits::new(HitTiming::Paced));
        let start = Arc::new(std::sync::Barrier::new(SLOTS + 20));
        let threads: Vec<_> = (0..SLOTS + 20)
            .map(|_| {
                let (hits, start) = (Arc::clone(&hits), Arc::clone(&start));
                std::thread::spawn(move || {
                    start.wait();
                    for _ in 0..5_000 {
                        hit(&hits, Timestamp::from_nanos(0));
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
    fn new_thread_continues_in_the_cell_of_an_ended_thread() {
        let hits = Arc::new(Hits::new(HitTiming::Paced));
        for _ in 0..3 * SLOTS {
            let hits = Arc::clone(&hits);
            std::thread::spawn(move || {
                (0..100).for_each(|_| {
                    hit(&hits, Timestamp::from_nanos(0));
                })
            })
            .join()
            .unwrap();
        }
        assert_eq!(hits.sum(), 3 * SLOTS as u64 * 100);
    }

    #[test]
    fn paced_timing_times_all_rare_hits_and_samples_frequent_ones() {
        // The time between hits in ns, the number of hits, and the expected number of timed ones.
        for (gap, count, expected) in [(5_000_000, 1_000, 1_000), (100_000, 200_000, 20_000), (100, 5_120_000, 10_000)]
        {
            let hits = Hits::new(HitTiming::Paced);
            let timed = (0..count).filter(|n| hit(&hits, Timestamp::from_nanos(n * gap))).count() as f64;
            // Distances are uniform between 1 and twice the mean: a count's standard deviation is below 0.6 of its
            // root.
            let error = (timed - expected as f64).abs();
            assert!(
                error <= 6.0 * (expected as f64).sqrt(),
                "{timed} timed of {count}, {gap} ns apart; {expected} expected"
            );
        }
    }

    #[test]
    fn rare_hits_after_a_burst_are_timed_soon() {
        let hits = Hits::new(HitTiming::Paced);
        (0..100_000).for_each(|n| {
            hit(&hits, Timestamp::from_nanos(n * 100));
        });
        let quiet = |n: u64| Timestamp::from_nanos(1_000_000_000 * (n + 1));
        let first = (0..).position(|n| hit(&hits, quiet(n))).unwrap() as u64;
        assert!(first < 2 * LONGEST_INTERVAL, "{first}");
        assert!((first + 1..first + 100).all(|n| hit(&hits, quiet(n))));
    }

    #[test]
    fn timing_follows_its_setting_and_changes_no_count() {
        for (timing, least, most) in [
            (HitTiming::Every, 10_000, 10_000),
            (HitTiming::Never, 0, 0),
            (HitTiming::OneIn(1), 10_000, 10_000),
            // Six standard deviations of a sum of uniform distances.
            (HitTiming::OneIn(100), 65, 140),
        ] {
            let hits = Hits::new(timing);
            let timed = (0..10_000).filter(|n| hit(&hits, Timestamp::from_nanos(n * 100))).count();
            assert!((least..=most).contains(&timed), "{timing:?}: {timed}");
            assert_eq!(hits.sum(), 10_000, "{timing:?}");
        }
    }

    #[test]
    fn quantiles_of_sampled_hits_match_those_of_all_hits() {
        // Every tenth hit takes ten times as long, in step with anything periodic.
        let took = |n: u64| if n.is_multiple_of(10) { 1_000 } else { 100 };
        let hits = Hits::new(HitTiming::OneIn(10));
        let timed: Vec<u64> = (0..200_000).filter(|n| hit(&hits, Timestamp::from_nanos(n * 100))).map(took).collect();
        let slow = timed.iter().filter(|took| **took == 1_000).count() as f64 / timed.len() as f64;
        // A tenth of 20,000 timed hits, within six standard deviations.
        assert!((slow - 0.1).abs() < 0.013, "{slow} of {} timed", timed.len());
    }
}
