//! What the metrics of one cache take, by an allocator that counts: busy for a day, in most ways there are.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use cachescope::{
    CAPACITY_MULTIPLES, Clock, Evictions, HitTiming, Identity, IntoStore, Labels, LoadTrigger, Moka, QuickCache, Store,
    Telemetry, Window, cached, try_cached,
};
use cachescope_core::Recorder;
use cachescope_tests::access_trace::{scan, zipf};
use cachescope_tests::one::One;
use futures_util::FutureExt;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

#[global_allocator]
static ALLOCATOR: dhat::Alloc = dhat::Alloc;

fn allocated() -> usize {
    dhat::HeapStats::get().curr_bytes
}

/// One profiler at a time.
static MEASURING: Mutex<()> = Mutex::new(());

/// What a cache takes that has been asked for many keys, most of which it has dropped again. Of quick_cache: what moka
/// takes for itself comes and goes by tens of KiB.
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
fn insight_takes_no_more_than_is_stated() {
    let _alone = MEASURING.lock().unwrap_or_else(PoisonError::into_inner);
    let _profiler = dhat::Profiler::builder().testing().build();
    let [off, on] = [false, true].map(taken);
    let taken = on.saturating_sub(off);
    println!("insight takes {taken} bytes beside {off}");
    // Less would be that of a cache which gains none.
    assert!(taken >= 128 * 1_024, "{taken} bytes");
    assert!(taken <= 256 * 1_024, "{taken} bytes");
    // moka's miniatures take more, and so may those of entries that are weighed, the more if they become lighter.
    let here = miniatures(QuickCache::with_capacity(4_096), COUNTED, 1);
    let by_bytes = || QuickCache::with_byte_limit(4_096, |_, _| 8);
    let others = [
        (256, miniatures(Moka::with_capacity(4_096), COUNTED, 1)),
        (256, miniatures(by_bytes(), WEIGHED, 8)),
        (256, miniatures(Moka::with_byte_limit(4_096, |_, _| 8), WEIGHED, 8)),
        (300, miniatures(by_bytes(), WEIGHED, 4)),
        (300, miniatures(Moka::with_byte_limit(4_096, |_, _| 8), WEIGHED, 4)),
    ];
    println!("its miniatures {here} bytes, of moka and where entries are weighed {others:?}");
    for (kibibytes, other) in others {
        assert!(taken - here + other <= kibibytes * 1_024, "{taken} bytes, of which {here}, and {other} of others");
    }
}

/// Entries of the miniature of the present capacity, and the most; and what they weigh when their number is settled.
const COUNTED: (f64, f64, u64) = (192.0, 512.0, 1);
const WEIGHED: (f64, f64, u64) = (144.0, 384.0, 8);

/// What the miniatures of a store take whose entries weigh so much.
fn miniatures(store: impl IntoStore<u64, u64>, (present, most, mean): (f64, f64, u64), weight: u32) -> usize {
    let store = store.into_store(Evictions::default()).expect("room");
    let of = CAPACITY_MULTIPLES.map(|multiple| {
        let entries = (present * multiple).min(most) as u64;
        let mut simulator = store.simulator(entries * mean, entries as usize).expect("one of its own");
        let hits = (0..20_000_u32).filter(|key| simulator.access(key.wrapping_mul(7_919), weight)).count();
        assert_eq!(hits, 0, "each key comes once");
        simulator.memory()
    });
    of.iter().sum()
}

#[test]
fn a_busy_cache_s_metrics_take_no_more_than_is_stated() {
    let _alone = MEASURING.lock().unwrap_or_else(PoisonError::into_inner);
    let _profiler = dhat::Profiler::builder().testing().build();
    let (clock, hands) = Clock::manual();
    let mut random = StdRng::seed_from_u64(11);
    let (moves, took) = (hands.clone(), Mutex::new(StdRng::seed_from_u64(12)));
    let load = move |key: u64| {
        // From a microsecond to ten seconds, every power of ten as often.
        let power = took.lock().expect("no panic").random_range(-6.0..1.0);
        moves.advance(Duration::from_secs_f64(10_f64.powf(power)));
        async move { if key.is_multiple_of(5) { Err("on purpose") } else { Ok(key) } }
    };
    let recorder = || {
        let cache = "memory.busy".to_owned();
        let identity = Identity { cache, store: "one", error_type: Some("error"), labels: Labels::new() };
        Recorder::new(identity, Telemetry::global(), None, HitTiming::Every)
    };
    // What all caches share has made room for one more.
    drop(recorder());
    let before = allocated();
    let one = recorder();
    let counting = allocated() - before + size_of_val(&one);
    drop(one);
    let before = allocated();
    let cache = try_cached("memory.busy", load)
        .stale_after(Duration::from_secs(30))
        .serve_stale_for(Duration::from_secs(3_600))
        .serve_stale_on_error(Duration::from_secs(7_200))
        .entry_size(|value| 1 << (value % 30))
        .hit_timing(HitTiming::Every)
        .insight(false)
        .store(One::default())
        .clock(clock)
        .build();
    let idle = allocated() - before;
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    let _inside = runtime.enter();
    // Counted as the runtime's and not the cache's.
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
        // Ends the slice here, if the thread that does so hasn't yet.
        let _ = cache.metrics().window(Duration::ZERO);
    }
    let stats = cache.metrics().window(Window::Day);
    assert!(stats.covers() >= Window::Day.duration());
    assert!(LoadTrigger::ALL.into_iter().all(|trigger| stats.load_duration_by(trigger).count() > 20), "{stats}");
    drop(stats);
    // What a cache takes before its first request has its single flight and its spans in it as well.
    // The thread that ends slices may be at it.
    let settled = (0..1_000).map(|_| {
        std::thread::yield_now();
        allocated()
    });
    let busy = counting + settled.min().expect("a thousand") - before - other - idle;
    println!("the metrics of a cache: {counting} bytes as it is built, {busy} after a busy day");
    assert!(counting <= 24 * 1_024, "{counting} bytes as it is built");
    assert!(busy <= 64 * 1_024, "{busy} bytes after a busy day");
}
