//! Models of the counting of hits: loom runs each through the orders its threads' steps can take, and through the
//! values that their relaxed loads may return.
//!
//! Bounds: one slot ([`SLOTS`]), and the threads, hits and preemptions that each model names; a switch where a
//! thread blocks or ends is no preemption.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use loom::model::Builder;
use loom::thread::{self, JoinHandle};

use super::*;

/// Reads sums while `threads` count so many hits each. Across all runs, the shared cell must have got each of the
/// numbers in `shared`: otherwise these aren't the runs that were meant.
fn explore(preemptions: usize, threads: &'static [u64], shared: &[u64]) {
    let seen = Arc::new(Mutex::new((0, BTreeSet::new())));
    let mut builder = Builder::new();
    // LOOM_MAX_PREEMPTIONS goes further.
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
        // Also where another thread goes on in the ended one's cell.
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

/// As the engine counts one: the first in a cell on the slow path, the second on the quiet one.
fn hit(hits: &Hits) {
    match hits.cell() {
        Some(cell) if cell.is_quiet() => cell.count(crate::entry::Cost::NOTHING),
        _ => {
            hits.count_slowly(Moment::from_nanos(0), crate::entry::Cost::NOTHING);
        }
    }
}

#[test]
fn a_slot_handed_on_loses_nothing() {
    explore(3, &[2, 2], &[0, 2]);
}

#[test]
fn the_shared_cell_loses_nothing() {
    explore(2, &[1, 1, 1], &[0, 1, 2]);
}
