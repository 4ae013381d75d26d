//! The time that hits saved, compared with a simulation in which the cost of each load is known.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use cachescope::metrics::{HitTiming, RequestResult};
use cachescope::{Clock, Moka, cached};
use cachescope_tests::access_trace::zipf;
use futures_util::FutureExt;

/// The time of a key's load, from 100 µs to 100 ms, with equal weight for each power of ten.
fn cost(key: u64) -> Duration {
    let share = (key.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40) as f64 / (1_u64 << 24) as f64;
    Duration::from_secs_f64(1e-4 * 1_000_f64.powf(share))
}

#[test]
fn time_saved_is_the_load_time_of_hits_minus_the_caching_time() {
    let (clock, hands) = Clock::manual();
    let (moves, loads) = (hands.clone(), Arc::<AtomicU64>::default());
    let counted = Arc::clone(&loads);
    let load = move |key: u64| {
        moves.advance(cost(key));
        counted.fetch_add(1, Ordering::Relaxed);
        async move { key }
    };
    for timing in [HitTiming::Paced, HitTiming::OneIn(1_000), HitTiming::Never] {
        let cache = cached("insight.saved", load.clone())
            .clock(clock.clone())
            .hit_timing(timing)
            .store(Moka::with_capacity(2_000))
            .build();
        let mut saved = Duration::ZERO;
        for key in zipf(0.9, 20_000, 100_000, 5) {
            let before = loads.load(Ordering::Relaxed);
            assert_eq!(cache.call(key).now_or_never(), Some(key));
            if loads.load(Ordering::Relaxed) == before {
                saved += cost(key);
            }
            hands.advance(Duration::from_micros(10));
        }
        let stats = cache.metrics().stats();
        let error = (stats.load_time_saved().as_secs_f64() / saved.as_secs_f64() - 1.0).abs();
        println!("{timing:?}: saved {saved:?}, reported {:?}, {:.5} % off", stats.load_time_saved(), 100.0 * error);
        assert!(error < 0.02, "{timing:?}: {error}");
        // The clock advances only during loads, so caching takes no time.
        assert_eq!((stats.caching_time(), stats.time_saved()), (Duration::ZERO, stats.load_time_saved()));
    }
}

#[test]
fn saved_time_stays_zero_for_a_cache_that_costs_more_than_it_saves() {
    let (clock, hands) = Clock::manual();
    let (moves, looks) = (hands.clone(), hands.clone());
    let load = move |key: u64| {
        moves.advance(Duration::from_micros(10));
        async move { key }
    };
    // Each look-up takes longer than a load.
    let slow = cachescope_tests::single_entry::SingleEntry::on_get(move || looks.advance(Duration::from_micros(100)));
    let cache = cached("insight.worthless", load).clock(clock).hit_timing(HitTiming::Every).store(slow).build();
    let mut saved_times = HashSet::new();
    for _ in 0..1_000 {
        assert_eq!(cache.call(7).now_or_never(), Some(7));
        saved_times.insert(cache.metrics().stats().time_saved());
    }
    let stats = cache.metrics().stats();
    assert_eq!((stats.hits(), stats.result(RequestResult::Miss)), (999, 1));
    // An entry keeps seven digits of the load time.
    let saved = stats.load_time_saved();
    assert!(saved.abs_diff(999 * Duration::from_micros(10)) < Duration::from_micros(1), "{saved:?}");
    assert!(stats.caching_time() >= 999 * Duration::from_micros(100), "{:?}", stats.caching_time());
    assert_eq!(saved_times, HashSet::from([Duration::ZERO]));
}
