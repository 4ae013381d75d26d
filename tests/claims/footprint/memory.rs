//! The memory that the metrics of a cache take after a busy day, measured by a counting allocator.

use std::sync::Mutex;
use std::time::Duration;

use cachescope::metrics::{CAPACITY_MULTIPLES, HitTiming, Labels, LoadTrigger};
use cachescope::store::{CacheIdentity, Evictions, IntoStore, Store};
use cachescope::{Clock, Moka, QuickCache, Telemetry, Window, cached, try_cached};
use cachescope_telemetry::Recorder;
use cachescope_tests::access_trace::{scan, zipf};
use cachescope_tests::single_entry::SingleEntry;
use futures_util::FutureExt;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use super::{ALLOCATOR, alone};

fn allocated() -> usize {
    ALLOCATOR.allocated()
}

/// The memory of a cache after requests for many keys, most of which it has evicted. With quick_cache, as moka's own
/// memory varies by tens of KiB.
fn taken(insight: bool) -> usize {
    let (clock, hands) = Clock::manual();
    let before = allocated();
    let cache = cached("memory.insight", |key: u64| async move { key })
        .stale_after(Duration::from_secs(60))
        .clock(clock)
        .insight(insight)
        .store(QuickCache::with_capacity(4_096))
        .build();
    let keys = zipf(0.8, 100_000, 30_000, 1).zip(scan(30_000)).flat_map(|(hot, once)| [hot, 100_000 + once]);
    for key in keys {
        hands.advance(Duration::from_millis(1));
        assert_eq!(cache.call(key).now_or_never(), Some(key));
    }
    allocated() - before
}

#[test]
fn insight_takes_at_most_the_documented_memory() {
    let _alone = alone();
    let [off, on] = [false, true].map(taken);
    let taken = on.saturating_sub(off);
    println!("insight takes {taken} bytes beside {off}");
    // Less would mean that insight is off.
    assert!(taken >= 128 * 1_024, "{taken} bytes");
    assert!(taken <= 256 * 1_024, "{taken} bytes");
    // Simulations of moka take more. So do simulations of weighed entries, the more the lighter the entries become.
    let here = simulations(QuickCache::with_capacity(4_096), COUNTED, 1);
    let by_bytes = || QuickCache::with_byte_limit(4_096, |_, _| 8);
    let others = [
        (256, simulations(Moka::with_capacity(4_096), COUNTED, 1)),
        (256, simulations(by_bytes(), WEIGHED, 8)),
        (256, simulations(Moka::with_byte_limit(4_096, |_, _| 8), WEIGHED, 8)),
        (300, simulations(by_bytes(), WEIGHED, 4)),
        (300, simulations(Moka::with_byte_limit(4_096, |_, _| 8), WEIGHED, 4)),
    ];
    println!("its simulations {here} bytes, of moka and where entries are weighed {others:?}");
    for (kibibytes, other) in others {
        assert!(taken - here + other <= kibibytes * 1_024, "{taken} bytes, of which {here}, and {other} of others");
    }
}

/// The entries of the simulation of the present capacity, the most entries, and the weight of an entry when the number
/// of entries is chosen.
const COUNTED: (f64, f64, u64) = (192.0, 512.0, 1);
const WEIGHED: (f64, f64, u64) = (144.0, 384.0, 8);

/// The memory of all simulations of a store with entries of this weight.
fn simulations(store: impl IntoStore<u64, u64>, (present, most, mean): (f64, f64, u64), weight: u32) -> usize {
    let store = store.into_store(Evictions::default()).expect("a valid capacity");
    let of = CAPACITY_MULTIPLES.map(|multiple| {
        let entries = (present * multiple).min(most) as u64;
        let mut simulator = store.simulator(entries * mean, entries as usize).expect("a simulator");
        let hits = (0..20_000_u32).filter(|key| simulator.access(key.wrapping_mul(7_919), weight)).count();
        assert_eq!(hits, 0, "each key comes once");
        simulator.memory()
    });
    of.iter().sum()
}

#[test]
fn metrics_of_a_busy_cache_take_at_most_the_documented_memory() {
    let _alone = alone();
    let (clock, hands) = Clock::manual();
    let mut random = StdRng::seed_from_u64(11);
    let (moves, took) = (hands.clone(), Mutex::new(StdRng::seed_from_u64(12)));
    let load = move |key: u64| {
        // From a microsecond to ten seconds, with equal weight for each power of ten.
        let power = took.lock().expect("no panic").random_range(-6.0..1.0);
        moves.advance(Duration::from_secs_f64(10_f64.powf(power)));
        async move { if key.is_multiple_of(5) { Err("on purpose") } else { Ok(key) } }
    };
    let recorder = || {
        let name = "memory.busy".to_owned();
        let identity = CacheIdentity { name, store: "one", error_type: Some("error"), labels: Labels::new() };
        Recorder::new(identity, Telemetry::global(), None, HitTiming::Every)
    };
    // The median of several: the state that all caches share grows with the first ones, and the test harness may be
    // starting the thread of the next test.
    let mut counting = [(); 15].map(|()| {
        let before = allocated();
        let one = recorder();
        allocated().saturating_sub(before) + size_of_val(&one)
    });
    counting.sort_unstable();
    let counting = counting[counting.len() / 2];
    let before = allocated();
    let cache = try_cached("memory.busy", load)
        .stale_after(Duration::from_secs(30))
        .serve_stale_for(Duration::from_secs(3_600))
        .serve_stale_on_error(Duration::from_secs(7_200))
        .entry_size(|value| 1 << (value % 30))
        .hit_timing(HitTiming::Every)
        .insight(false)
        .store(SingleEntry::default())
        .clock(clock)
        .build();
    let idle = allocated() - before;
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    let _inside = runtime.enter();
    // This memory belongs to the runtime, not to the cache.
    runtime.block_on(tokio::task::yield_now());
    let other = allocated() - before - idle;
    for _ in 0..20_000 {
        let key = random.random_range(0..4);
        match random.random_range(0..10) {
            0 => drop(cache.try_request(key).bypass().into_future().now_or_never()),
            1 => drop(cache.get_if_present(&key)),
            2 => cache.invalidate(&key),
            3 => cache.insert(key, key),
            _ => drop(cache.try_call(key).now_or_never()),
        }
        runtime.block_on(tokio::task::yield_now());
        hands.advance(Duration::from_millis(random.random_range(0..9_000)));
        // Ends the slice here, in case the maintenance thread hasn't yet.
        let _ = cache.metrics().window(Duration::ZERO);
    }
    let stats = cache.metrics().window(Window::Day);
    assert!(stats.covers() >= Window::Day.duration());
    assert!(LoadTrigger::ALL.into_iter().all(|trigger| stats.load_duration_by(trigger).count() > 20), "{stats}");
    drop(stats);
    // The memory of an idle cache includes its single flight and its spans. The maintenance thread may be working.
    let settled = (0..1_000).map(|_| {
        std::thread::yield_now();
        allocated()
    });
    let busy = counting + settled.min().expect("a thousand") - before - other - idle;
    println!("the metrics of a cache: {counting} bytes as it is built, {busy} after a busy day");
    assert!(counting <= 24 * 1_024, "{counting} bytes as it is built");
    assert!(busy <= 64 * 1_024, "{busy} bytes after a busy day");
}
