//! Laws of the counts: they hold while threads count, and for every rate at which hits are timed.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use cachescope::metrics::{HitTiming, LoadOutcome, LoadTrigger, RequestResult};
use cachescope::{Clock, Stats, Window, cached};
use cachescope_tests::results;
use cachescope_tests::single_entry::SingleEntry;
use futures_util::FutureExt;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

const THREADS: u64 = 8;
const REQUESTS: u64 = 40_000;

/// Checks that a reading is consistent, also while requests are in flight.
fn whole(stats: &Stats) {
    let ended: u64 = results(stats).values().sum();
    assert_eq!(stats.requests(), ended + stats.in_flight(), "{stats}");
    assert!(stats.hits() <= stats.requests());
}

#[test]
fn readings_under_load_are_consistent_and_counts_at_rest_are_exact() {
    let cache = cached("laws.load", |key: u64| async move { key }).build();
    let (begun, ended, over) = (AtomicU64::new(0), AtomicU64::new(0), AtomicBool::new(false));
    let readings = thread::scope(|scope| {
        let reader = scope.spawn(|| {
            let (mut before, mut readings) = (cache.metrics().stats(), 0_u64);
            while !over.load(Ordering::Acquire) {
                let least = ended.load(Ordering::Acquire);
                let stats = cache.metrics().stats();
                let most = begun.load(Ordering::Acquire);
                whole(&stats);
                assert!((least..=most).contains(&stats.requests()), "{} of {least} to {most}", stats.requests());
                for result in RequestResult::ALL {
                    assert!(stats.result(result) >= before.result(result), "{result:?} fell");
                }
                let [minute, hour] = [Window::Minute, Window::Hour].map(|window| cache.metrics().window(window));
                [&minute, &hour].into_iter().for_each(whole);
                // The window of an hour is read later, and is longer.
                assert!(hour.hits() >= minute.hits() && minute.hits() >= stats.hits());
                (before, readings) = (stats, readings + 1);
            }
            readings
        });
        let threads: Vec<_> = (0..THREADS)
            .map(|thread| {
                let (cache, begun, ended) = (&cache, &begun, &ended);
                scope.spawn(move || {
                    let mut random = StdRng::seed_from_u64(thread);
                    for _ in 0..REQUESTS {
                        let key = random.random_range(0..1_000);
                        begun.fetch_add(1, Ordering::AcqRel);
                        match random.random_range(0..20) {
                            0 => drop(cache.request(key).bypass().into_future().now_or_never()),
                            1 => drop(cache.get_if_present(&key)),
                            // Loads are ready at once; a request that waits for another thread's load is dropped.
                            _ => drop(cache.call(key).now_or_never()),
                        }
                        ended.fetch_add(1, Ordering::AcqRel);
                        if random.random_range(0..10) == 0 {
                            cache.invalidate(&key);
                        }
                    }
                })
            })
            .collect();
        threads.into_iter().for_each(|thread| thread.join().expect("no panic"));
        over.store(true, Ordering::Release);
        reader.join().expect("no panic")
    });
    let stats = cache.metrics().stats();
    whole(&stats);
    assert_eq!((stats.requests(), stats.in_flight()), (THREADS * REQUESTS, 0));
    assert_eq!(stats.misses(), stats.loads(LoadOutcome::Loaded));
    assert_eq!(stats.result(RequestResult::Bypass), stats.load_duration_by(LoadTrigger::Bypass).count());
    assert_eq!(stats.latency(RequestResult::Miss).count(), stats.misses());
    assert!(readings > 10, "{readings} readings");
    println!("{readings} readings of {} requests", stats.requests());
}

/// Stats of hits of 1 to 10 µs, evenly distributed, by a clock that the store advances.
fn timed(timing: HitTiming) -> Stats {
    let (clock, hands) = Clock::manual();
    let random = Mutex::new(StdRng::seed_from_u64(3));
    let store = SingleEntry::on_get(move || {
        let nanos = random.lock().expect("no panic").random_range(1_000..10_000);
        hands.advance(Duration::from_nanos(nanos));
    });
    let cache = cached("laws.timed", |key: u64| async move { key });
    let cache = cache.store(store).hit_timing(timing).clock(clock).build();
    (0..200_001).for_each(|_| assert_eq!(cache.call(1).now_or_never(), Some(1)));
    cache.metrics().stats()
}

#[test]
fn rate_of_timed_hits_changes_no_count_and_quantiles_little() {
    for timing in [HitTiming::Every, HitTiming::OneIn(16), HitTiming::OneIn(200), HitTiming::Paced, HitTiming::Never] {
        let stats = timed(timing);
        assert_eq!((stats.requests(), stats.misses(), stats.hits()), (200_001, 1, 200_000), "{timing:?}");
        let latency = stats.latency(RequestResult::Hit);
        let counted = latency.count() as f64;
        match timing {
            HitTiming::Every => assert_eq!(latency.count(), 200_000),
            HitTiming::OneIn(interval) => {
                let expected = 200_000.0 / f64::from(interval);
                assert!((counted - expected).abs() < expected * 0.2, "{counted} of {expected}");
                assert!((stats.hit_timing_interval() / f64::from(interval) - 1.0).abs() < 0.25);
            }
            HitTiming::Paced => assert!(counted >= 200_000.0 / 600.0, "{counted}"),
            HitTiming::Never => assert_eq!(latency.count(), 0),
        }
        for q in [0.1, 0.5, 0.9, 0.99] {
            let Some(estimate) = latency.quantile(q) else { continue };
            let (estimate, exact) = (estimate.as_nanos() as f64, 9_000.0_f64.mul_add(q, 1_000.0));
            // The error of the histogram, and five standard deviations of the rank in a sample of this size.
            let rank = 5.0 * (q * (1.0 - q) / counted).sqrt() * 9_000.0;
            assert!((estimate - exact).abs() <= exact * 0.0625 + rank, "{timing:?} {q}: {estimate} for {exact}");
        }
    }
}
