//! Two things timed in turns.

use std::time::Instant;

/// Hits a batch: long enough that reading the clock doesn't show, short enough that a disturbance hits few.
const HITS: u64 = 20_000;

/// What `compare` found: medians over the rounds.
pub(crate) struct Pair {
    pub(crate) bare_ns: f64,
    pub(crate) ours_ns: f64,
    /// The median of the rounds' own ratios, so that what slows the machine for a while cancels.
    pub(crate) ratio: f64,
}

/// Runs both in turns, `rounds` times, after an eighth as many to warm up.
pub(crate) fn compare(bare: &mut dyn FnMut(u64), ours: &mut dyn FnMut(u64), rounds: usize) -> Pair {
    let time = |run: &mut dyn FnMut(u64)| {
        let start = Instant::now();
        run(HITS);
        start.elapsed().as_nanos() as f64 / HITS as f64
    };
    for _ in 0..rounds / 8 {
        time(bare);
        time(ours);
    }
    let (mut bares, mut ourses, mut ratios) = (Vec::new(), Vec::new(), Vec::new());
    for round in 0..rounds {
        // Who goes first alternates, since the first may find colder caches.
        let (bare, ours) = if round % 2 == 0 {
            let bare = time(bare);
            (bare, time(ours))
        } else {
            let ours = time(ours);
            (time(bare), ours)
        };
        bares.push(bare);
        ourses.push(ours);
        ratios.push(ours / bare);
    }
    Pair { bare_ns: median(bares), ours_ns: median(ourses), ratio: median(ratios) }
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
