//! Loom models of the counting of hits. Loom runs each through all orders of its threads' steps, and through all values
//! that relaxed loads may return.
//!
//! Bounds: one slot ([`SLOTS`]), and the threads, hits and preemptions of each model. A switch where a thread blocks or
//! ends is no preemption.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use loom::model::Builder;
use loom::thread::{self, JoinHandle};

use super::*;

/// Reads sums while each of `threads` counts its number of hits. Over all runs, the shared cell must have had each of
/// the numbers in `shared`; otherwise the model explored other runs than intended.
fn explore(preemptions: usize, threads: &'static [u64], shared: &[u64]) {
    let seen = Arc::new(Mutex::new((0, BTreeSet::new())));
    let mut builder = Builder::new();
    // Set LOOM_MAX_PREEMPTIONS to explore more.
    builder.preemption_bound = builder.preemption_bound.or(Some(preemptions));
    builder.check({
        let seen = Arc::clone(&seen);
        move || {
            let shared = read_while_counted(threads);
            let mut seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
            seen.0 += 1;
            seen.1.insert(shared);
        }
    });
    let (runs, seen) = &*seen.lock().unwrap_or_else(PoisonError::into_inner);
    println!("{threads:?}: {runs} runs");
    assert_eq!(*seen, shared.iter().copied().collect());
}

fn read_while_counted(threads: &[u64]) -> u64 {
    let hits = Arc::new(Hits::new(HitTiming::Paced));
    let threads: Vec<_> = threads.iter().map(|count| (*count, spawn(&hits, *count))).collect();
    let (mut ended, mut before) = (0, 0);
    for (count, thread) in threads {
        let sum = hits.sum();
        assert!(sum >= before, "the sum fell from {before} to {sum}");
        before = sum;
        thread.join().expect("a panic ends the run");
        ended += count;
        let sum = hits.sum();
        // Also if another thread continues in the ended thread's cell.
        assert!(sum >= ended.max(before), "{sum} after {before}, and after threads with {ended} hits ended");
        before = sum;
    }
    assert_eq!(hits.sum(), ended);
    // Loom's threads may be joined before they drop their thread-locals.
    while !slot::are_all_back() {
        thread::yield_now();
    }
    hits.shared.load(Ordering::Relaxed)
}

fn spawn(hits: &Arc<Hits>, count: u64) -> JoinHandle<()> {
    let hits = Arc::clone(hits);
    thread::spawn(move || (0..count).for_each(|_| hit(&hits)))
}

/// Counts a hit as the engine does: the first in a cell on the slow path, the second on the quiet path.
fn hit(hits: &Hits) {
    match hits.cell() {
        Some(cell) if cell.is_quiet() => cell.count(cachescope_core::LoadCost::ZERO),
        _ => {
            hits.count_slowly(Timestamp::from_nanos(0), cachescope_core::LoadCost::ZERO);
        }
    }
}

#[test]
fn handed_on_slot_loses_no_hit() {
    explore(3, &[2, 2], &[0, 2]);
}

#[test]
fn shared_cell_loses_no_hit() {
    explore(2, &[1, 1, 1], &[0, 1, 2]);
}
