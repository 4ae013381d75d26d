//! Hits, counted by each thread in a cell of its own: no shared write, no lock, nothing lost.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

use super::slot::{self, SLOTS};

/// One local hit in so many is timed, on average.
///
/// A timed hit costs two clock reads and two records into OpenTelemetry's histograms, about 4,200
/// instructions: at one in 64 that doubled what a hit costs above its store, at one in 256 it is 16
/// instructions a hit.
pub const TIMED_ONE_IN: u64 = 256;

/// The hits of one cache. 8 KiB, allocated with its first request.
#[derive(Debug, Default)]
pub(crate) struct Hits {
    cells: OnceLock<Box<[HitCell; SLOTS]>>,
    /// Of threads past [`SLOTS`], and of threads that are ending.
    shared: AtomicU64,
}

/// What one thread counts of one cache, alone on its cache lines.
///
/// Written by one thread at a time with plain loads and stores; read by any.
#[derive(Debug, Default)]
#[repr(align(128))]
pub struct HitCell {
    hits: AtomicU64,
    next_timed: AtomicU64,
}

impl HitCell {
    /// Counts a hit. Call it after the look-up: `Clone` and `Hash` of the user's may come back in here.
    #[inline(always)]
    pub fn count(&self) {
        self.hits.store(self.hits.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
    }

    /// Whether the next hit is one of those to be timed.
    #[inline(always)]
    #[must_use]
    pub fn is_timing_due(&self) -> bool {
        self.hits.load(Ordering::Relaxed) >= self.next_timed.load(Ordering::Relaxed)
    }

    /// Draws how many hits go untimed until the next: jittered, since a fixed gap falls into step with
    /// periodic keys.
    fn schedule(&self) {
        let hits = self.hits.load(Ordering::Relaxed);
        // A counter through a mixing function (splitmix64) is random enough and keeps no state.
        let mut mixed = hits.wrapping_add(std::ptr::from_ref(self).addr() as u64).wrapping_add(0x9e37_79b9_7f4a_7c15);
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^= mixed >> 31;
        let skipped = mixed % (2 * TIMED_ONE_IN - 1);
        self.next_timed.store(hits + skipped, Ordering::Relaxed);
    }
}

impl Hits {
    /// This thread's cell, if it has one already.
    #[inline(always)]
    pub(crate) fn cell(&self) -> Option<&HitCell> {
        self.cells.get()?.get(slot::current())
    }

    /// Counts a hit on the path that may allocate and lease; says whether it was one to be timed.
    #[cold]
    pub(crate) fn count_slowly(&self) -> bool {
        let Some(slot) = slot::lease() else {
            let before = self.shared.fetch_add(1, Ordering::Relaxed);
            return before.is_multiple_of(TIMED_ONE_IN);
        };
        let cells = self.cells.get_or_init(|| Box::new(std::array::from_fn(|_| HitCell::default())));
        let cell = &cells[slot];
        let due = cell.is_timing_due();
        cell.count();
        if due {
            cell.schedule();
        }
        due
    }

    /// All hits so far. Each cell only grows, so a later sum is never smaller.
    pub(crate) fn sum(&self) -> u64 {
        let cells =
            self.cells.get().map_or(0, |cells| cells.iter().map(|cell| cell.hits.load(Ordering::Relaxed)).sum());
        cells + self.shared.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    fn hit(hits: &Hits) -> bool {
        match hits.cell() {
            Some(cell) if !cell.is_timing_due() => {
                cell.count();
                false
            }
            _ => hits.count_slowly(),
        }
    }

    #[test]
    fn more_threads_than_slots_lose_nothing() {
        let hits = Arc::new(Hits::default());
        let start = Arc::new(std::sync::Barrier::new(SLOTS + 20));
        let threads: Vec<_> = (0..SLOTS + 20)
            .map(|_| {
                let (hits, start) = (Arc::clone(&hits), Arc::clone(&start));
                std::thread::spawn(move || {
                    start.wait();
                    for _ in 0..5_000 {
                        hit(&hits);
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
        let hits = Arc::new(Hits::default());
        for _ in 0..3 * SLOTS {
            let hits = Arc::clone(&hits);
            std::thread::spawn(move || {
                (0..100).for_each(|_| {
                    hit(&hits);
                })
            })
            .join()
            .unwrap();
        }
        assert_eq!(hits.sum(), 3 * SLOTS as u64 * 100);
    }

    #[test]
    fn about_one_hit_in_so_many_is_timed() {
        let hits = Hits::default();
        let timed = (0..10_000 * TIMED_ONE_IN).filter(|_| hit(&hits)).count();
        // Distances are uniform on 1 to twice the mean: the count's standard deviation is about 58.
        assert!((9_650..=10_350).contains(&timed), "{timed} timed, 10,000 expected");
    }
}
