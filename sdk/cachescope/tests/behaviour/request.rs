//! Requests with options.

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Waker};
use std::time::Duration;

use cachescope::metrics::{LoadOutcome, LoadTrigger, RequestResult};
use cachescope::{Cached, Clock, ManualClock, cached, try_cached};
use futures_util::FutureExt;

/// A cache whose loads are numbered.
fn numbered(name: &str) -> (Cached<u64, u64>, ManualClock) {
    let (clock, hands) = Clock::manual();
    let loads = Arc::new(AtomicU64::new(0));
    let load = move |_: u64| {
        let number = loads.fetch_add(1, Ordering::Relaxed) + 1;
        async move { number }
    };
    (cached(name, load).stale_after(Duration::from_secs(60)).clock(clock).build(), hands)
}

#[test]
fn max_age_reloads_older_entry_even_if_fresh() {
    let (cache, hands) = numbered("request.max_age");
    let ask = |seconds| cache.request(1).max_age(Duration::from_secs(seconds)).into_future().now_or_never();
    assert_eq!(ask(5), Some(1));
    hands.advance(Duration::from_secs(5));
    assert_eq!(ask(5), Some(1));
    hands.advance(Duration::from_secs(1));
    assert_eq!(cache.call(1).now_or_never(), Some(1));
    assert_eq!(ask(5), Some(2));
    assert_eq!(cache.call(1).now_or_never(), Some(2), "what it loaded is for all");
    let stats = cache.metrics().stats();
    assert_eq!((stats.hits(), stats.misses(), stats.requests()), (3, 2, 5));
}

#[test]
fn bypass_neither_looks_nor_stores() {
    let (cache, _) = numbered("request.bypass");
    let bypass = || cache.request(1).bypass().into_future().now_or_never();
    assert_eq!((bypass(), bypass()), (Some(1), Some(2)));
    assert_eq!(cache.call(1).now_or_never(), Some(3));
    assert_eq!(bypass(), Some(4));
    assert_eq!(cache.call(1).now_or_never(), Some(3));
    let stats = cache.metrics().stats();
    assert_eq!((stats.result(RequestResult::Bypass), stats.misses(), stats.hits()), (3, 1, 1));
    assert_eq!(stats.load_duration().count(), 1, "of misses");
    assert_eq!(stats.load_duration_by(LoadTrigger::Bypass).count(), 3);
    assert_eq!(stats.requests(), 5);
}

#[test]
fn overwrite_loads_and_stores() {
    let (cache, _) = numbered("request.overwrite");
    cache.call(1).now_or_never();
    assert_eq!(cache.request(1).overwrite().into_future().now_or_never(), Some(2));
    assert_eq!(cache.call(1).now_or_never(), Some(2));
    let stats = cache.metrics().stats();
    assert_eq!((stats.result(RequestResult::Bypass), stats.misses(), stats.hits()), (1, 1, 1));
}

#[test]
fn earlier_load_is_not_stored_over_overwrite_or_insert() {
    for overwrites in [true, false] {
        let loads = Arc::new(AtomicU64::new(0));
        let cache = cached("request.over", move |_: u64| {
            let number = loads.fetch_add(1, Ordering::Relaxed) + 1;
            async move {
                // The first load takes one poll longer.
                if number == 1 {
                    tokio::task::yield_now().await;
                }
                number
            }
        })
        .build();
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let _entered = runtime.enter();
        let mut old = pin!(cache.call(1));
        let mut context = Context::from_waker(Waker::noop());
        assert!(old.poll_unpin(&mut context).is_pending());
        let newer = if overwrites {
            cache.request(1).overwrite().into_future().now_or_never().unwrap()
        } else {
            cache.insert(1, 77);
            77
        };
        assert_eq!(runtime.block_on(old), 1, "it gets what it asked for");
        assert_eq!(cache.call(1).now_or_never(), Some(newer));
    }
}

#[test]
fn bypass_error_reaches_its_caller() {
    let cache = try_cached("request.error", |_: u64| async { Err::<u64, _>("no") }).build();
    let error = cache.try_request(1).bypass().into_future().now_or_never().unwrap().unwrap_err();
    assert_eq!(error.load_error(), Some(&"no"));
    let stats = cache.metrics().stats();
    assert_eq!((stats.result(RequestResult::Bypass), stats.loads(LoadOutcome::Failed)), (1, 0));
}
