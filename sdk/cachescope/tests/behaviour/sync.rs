//! Caches of blocking functions, called by threads.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::Duration;

use cachescope::metrics::{LoadOutcome, LoadTrigger, RequestResult, WaitOutcome};
use cachescope::{Clock, sync};

use crate::balance::assert_balanced;
use crate::until::until;

const SECOND: Duration = Duration::from_secs(1);

/// Numbered loads that each wait for a message; `false` panics.
fn gated(name: &str) -> (sync::Cached<u64, u64>, Sender<bool>) {
    let (send, receive): (Sender<bool>, Receiver<bool>) = channel();
    let (receive, loads) = (std::sync::Mutex::new(receive), AtomicU64::new(0));
    let load = move |_: u64| {
        let number = loads.fetch_add(1, Ordering::Relaxed) + 1;
        let goes_well = receive.lock().unwrap_or_else(std::sync::PoisonError::into_inner).recv();
        assert!(goes_well.expect("a message"), "on purpose");
        number
    };
    (sync::cached(name, load).build(), send)
}

#[test]
fn sync_concurrent_threads_share_one_load() {
    let (cache, go) = gated("sync.one_loads");
    let threads: Vec<_> = (0..8)
        .map(|_| {
            thread::spawn({
                let cache = cache.clone();
                move || cache.call(7)
            })
        })
        .collect();
    until(|| cache.metrics().stats().waits_active() == 7);
    go.send(true).expect("it waits");
    assert!(threads.into_iter().all(|thread| thread.join().expect("no panic") == 1));
    let stats = cache.metrics().stats();
    assert_eq!((stats.misses(), stats.coalesced(), stats.loads(LoadOutcome::Loaded)), (1, 7, 1));
    assert_balanced(&stats);
}

#[test]
fn sync_panic_reaches_its_caller_and_follower_loads() {
    let (cache, go) = gated("sync.panics");
    let leader = thread::spawn({
        let cache = cache.clone();
        move || cache.call(7)
    });
    until(|| cache.metrics().stats().loads_active() == 1);
    let follower = thread::spawn({
        let cache = cache.clone();
        move || cache.call(7)
    });
    until(|| cache.metrics().stats().waits_active() == 1);
    go.send(false).expect("it waits");
    assert!(leader.join().is_err());
    go.send(true).expect("it waits");
    assert_eq!(follower.join().expect("no panic"), 2);
    let stats = cache.metrics().stats();
    assert_eq!((stats.misses(), stats.waits(WaitOutcome::LeaderFailed)), (2, 1));
    assert_balanced(&stats);
}

#[test]
fn sync_refresh_runs_on_thread_without_runtime() {
    let (clock, hands) = Clock::manual();
    let loads = AtomicU64::new(0);
    let builder = sync::cached("sync.renewed", move |_: u64| loads.fetch_add(1, Ordering::Relaxed) + 1);
    let builder = builder.stale_after(10 * SECOND).refresh_ahead(2 * SECOND).serve_stale_for(10 * SECOND);
    let cache = builder.clock(clock).build();
    let refreshed = || cache.metrics().stats().load_duration_by(LoadTrigger::Refresh).count();
    assert_eq!(cache.call(1), 1);
    hands.advance(8 * SECOND);
    assert_eq!(cache.call(1), 1);
    until(|| refreshed() == 1 && cache.peek(&1).is_some_and(|seen| seen.value == 2));
    hands.advance(15 * SECOND);
    assert_eq!(cache.call(1), 2);
    until(|| refreshed() == 2 && cache.peek(&1).is_some_and(|seen| seen.value == 3));
    hands.advance(15 * SECOND);
    cache.close();
    assert_eq!((cache.call(1), refreshed()), (4, 2), "closed, it loads as on any miss");
    let stats = cache.metrics().stats();
    assert_eq!((stats.hits(), stats.result(RequestResult::Stale), stats.misses()), (1, 1, 2));
    assert_balanced(&stats);
}

#[test]
fn sync_request_options_and_batch_load_work() {
    let loads = Arc::new(AtomicU64::new(0));
    let counted = Arc::clone(&loads);
    let square = move |n: u64| {
        counted.fetch_add(1, Ordering::Relaxed);
        n * n
    };
    let cache = sync::cached("sync.wishes", square)
        .batch_load(|keys: Vec<u64>| keys.into_iter().map(|n| (n, n * n)).collect::<Vec<_>>())
        .build();
    assert_eq!(cache.request(3).only_if_cached().get(), None);
    assert_eq!(
        (cache.request(3).get(), cache.request(3).bypass().get(), cache.request(3).overwrite().get()),
        (9, 9, 9)
    );
    assert_eq!(loads.load(Ordering::Relaxed), 3);
    let all = cache.get_many([2, 3, 4]);
    assert_eq!((all[&2], all[&3], all[&4]), (4, 9, 16));
    assert_eq!(loads.load(Ordering::Relaxed), 3);
    let stats = cache.metrics().stats();
    assert_eq!((stats.hits(), stats.misses(), stats.coalesced(), stats.result(RequestResult::Bypass)), (1, 2, 1, 2));
    assert_balanced(&stats);
}

#[tokio::test]
async fn sync_load_may_call_other_cache_and_runtime_thread_may_call() {
    let inner = sync::cached("sync.inner", |n: u64| n * n).build();
    let outer = sync::try_cached("sync.outer", {
        let inner = inner.clone();
        move |n: u64| if n == 0 { Err("no root") } else { Ok(inner.call(n) + 1) }
    })
    .build();
    assert_eq!(outer.try_call(3), Ok(10));
    assert_eq!(outer.try_call_ref(&3), Ok(10));
    assert_eq!(outer.try_call(0).expect_err("no root").load_error(), Some(&"no root"));
    assert_eq!((inner.metrics().stats().misses(), outer.metrics().stats().hits()), (1, 1));
}
