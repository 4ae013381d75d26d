//! Times two alternatives in turns.

use std::time::Instant;

/// The number of hits in a batch. Large enough to hide the cost of reading the clock, and small enough that a
/// disturbance affects few batches.
const HITS: u64 = 20_000;

/// The result of `compare`: medians over the rounds.
pub(crate) struct Comparison {
    pub(crate) bare_ns: f64,
    pub(crate) cached_ns: f64,
    /// The median of the ratios of all rounds, so that temporary slowdowns of the machine cancel out.
    pub(crate) ratio: f64,
}

/// Times both alternatives in turns, for `rounds` rounds, after `rounds / 8` rounds to warm up.
pub(crate) fn compare(bare: &mut dyn FnMut(u64), cached: &mut dyn FnMut(u64), rounds: usize) -> Comparison {
    let time = |run: &mut dyn FnMut(u64)| {
        let start = Instant::now();
        run(HITS);
        start.elapsed().as_nanos() as f64 / HITS as f64
    };
    for _ in 0..rounds / 8 {
        time(bare);
        time(cached);
    }
    let (mut bare_times, mut cached_times, mut ratios) = (Vec::new(), Vec::new(), Vec::new());
    for round in 0..rounds {
        // The order alternates, because the first alternative may find colder CPU caches.
        let (bare, cached) = if round % 2 == 0 {
            let bare = time(bare);
            (bare, time(cached))
        } else {
            let cached = time(cached);
            (time(bare), cached)
        };
        bare_times.push(bare);
        cached_times.push(cached);
        ratios.push(cached / bare);
    }
    Comparison { bare_ns: median(bare_times), cached_ns: median(cached_times), ratio: median(ratios) }
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
