//! The time that entries saved, beside a simulation in which it is known what each load takes.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use cachescope::{Clock, HitTiming, Moka, RequestResult, cached};
use cachescope_tests::access_trace::zipf;
use futures_util::FutureExt;

/// From 100 µs to 100 ms, by the key: as many of each power of ten.
fn cost(key: u64) -> Duration {
    let share = (key.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40) as f64 / (1_u64 << 24) as f64;
    Duration::from_secs_f64(1e-4 * 1_000_f64.powf(share))
}

#[test]
fn what_was_saved_is_what_the_loads_had_taken_less_what_caching_took() {
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
        println!("{timing:?}: saved {saved:?}, told {:?}, {:.5} % off", stats.load_time_saved(), 100.0 * error);
        assert!(error < 0.02, "{timing:?}: {error}");
        // By this clock, which stands still in between, caching takes nothing.
        assert_eq!((stats.caching_time(), stats.time_saved()), (Duration::ZERO, stats.load_time_saved()));
    }
}

#[test]
fn a_cache_that_costs_more_than_it_saves_says_so_and_its_counter_stands_still() {
    let (clock, hands) = Clock::manual();
    let (moves, looks) = (hands.clone(), hands.clone());
    let load = move |key: u64| {
        moves.advance(Duration::from_micros(10));
        async move { key }
    };
    // Each look takes longer than a load.
    let slow = cachescope_tests::one::One::on_get(move || looks.advance(Duration::from_micros(100)));
    let cache = cached("insight.worthless", load).clock(clock).hit_timing(HitTiming::Every).store(slow).build();
    let mut told = HashSet::new();
    for _ in 0..1_000 {
        assert_eq!(cache.call(7).now_or_never(), Some(7));
        told.insert(cache.metrics().stats().time_saved());
    }
    let stats = cache.metrics().stats();
    assert_eq!((stats.hits(), stats.result(RequestResult::Miss)), (999, 1));
    // To the seven digits that an entry keeps of it.
    let saved = stats.load_time_saved();
    assert!(saved.abs_diff(999 * Duration::from_micros(10)) < Duration::from_micros(1), "{saved:?}");
    assert!(stats.caching_time() >= 999 * Duration::from_micros(100), "{:?}", stats.caching_time());
    assert_eq!(told, HashSet::from([Duration::ZERO]));
}
