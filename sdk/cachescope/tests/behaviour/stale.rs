//! Stale entries.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use cachescope::metrics::{Failure, LoadOutcome, LoadTrigger, RequestOutcome, RequestResult, StaleEvent};
use cachescope::{Cached, Clock, ManualClock, cached, try_cached};
use futures_util::FutureExt;
use tokio::sync::Semaphore;

const SECOND: Duration = Duration::from_secs(1);

/// A cache whose loads are numbered and each take a permit; fresh for 10 s, served for 5 s more.
fn renewing(name: &str) -> (Cached<u64, u64>, ManualClock, Arc<Semaphore>) {
    let (clock, hands) = Clock::manual();
    let (gate, loads) = (Arc::new(Semaphore::new(1)), Arc::new(AtomicU64::new(0)));
    let permits = Arc::clone(&gate);
    let load = move |_: u64| {
        let (number, gate) = (loads.fetch_add(1, Ordering::Relaxed) + 1, Arc::clone(&gate));
        async move {
            gate.acquire().await.expect("open").forget();
            number
        }
    };
    let cache = cached(name, load).stale_after(10 * SECOND).serve_stale_for(5 * SECOND).clock(clock).build();
    (cache, hands, permits)
}

/// Runs the tasks of a current-thread runtime until the condition holds.
async fn until(what: impl Fn() -> bool) {
    for _ in 0..1_000 {
        if what() {
            return;
        }
        tokio::task::yield_now().await;
    }
    panic!("it never came");
}

#[tokio::test]
async fn stale_entry_is_served_at_once_and_refreshed_once() {
    let (cache, hands, gate) = renewing("stale.behind");
    assert_eq!(cache.call(1).await, 1);
    hands.advance(12 * SECOND);
    for _ in 0..100 {
        assert_eq!(cache.call(1).now_or_never(), Some(1));
    }
    assert_eq!(cache.metrics().stats().loads_active(), 0, "it runs when this task lets it");
    tokio::task::yield_now().await;
    assert_eq!(cache.metrics().stats().loads_active(), 1);
    hands.advance(SECOND);
    gate.add_permits(1);
    until(|| cache.metrics().stats().load_duration_by(LoadTrigger::Refresh).count() == 1).await;
    assert_eq!(cache.call(1).now_or_never(), Some(2));

    let stats = cache.metrics().stats();
    assert_eq!((stats.misses(), stats.result(RequestResult::Stale), stats.hits()), (1, 100, 1));
    assert_eq!(stats.requests(), 102);
    assert_eq!(
        (stats.stale_age(StaleEvent::Served).count(), stats.stale_age(StaleEvent::Served).max()),
        (100, 2 * SECOND)
    );
    assert_eq!(
        (stats.stale_age(StaleEvent::Reloaded).count(), stats.stale_age(StaleEvent::Reloaded).max()),
        (1, 3 * SECOND)
    );
    assert_eq!((stats.in_flight(), stats.loads_active(), stats.waits_active()), (0, 0, 0));
}

#[tokio::test]
async fn request_loads_after_stale_period() {
    let (cache, hands, gate) = renewing("stale.expired");
    gate.add_permits(1);
    cache.call(1).await;
    hands.advance(15 * SECOND);
    assert_eq!(cache.call(1).await, 2);
    let stats = cache.metrics().stats();
    assert_eq!((stats.misses(), stats.result(RequestResult::Stale)), (2, 0));
    assert_eq!(stats.stale_age(StaleEvent::Reloaded).max(), 5 * SECOND);
}

#[test]
fn stale_request_loads_without_runtime() {
    let (cache, hands, gate) = renewing("stale.no_runtime");
    gate.add_permits(1);
    assert_eq!(cache.call(1).now_or_never(), Some(1));
    hands.advance(12 * SECOND);
    assert_eq!(cache.call(1).now_or_never(), Some(2));
    assert_eq!(cache.metrics().stats().result(RequestResult::Stale), 0);
}

#[tokio::test]
async fn miss_follows_refresh_and_invalidation_overtakes_it() {
    let (cache, hands, gate) = renewing("stale.followed");
    cache.call(1).await;
    hands.advance(12 * SECOND);
    assert_eq!(cache.call(1).await, 1);
    hands.advance(5 * SECOND);
    let follower = tokio::spawn({
        let cache = cache.clone();
        async move { cache.call(1).await }
    });
    until(|| cache.metrics().stats().waits_active() == 1).await;
    cache.invalidate(&1);
    gate.add_permits(1);
    assert_eq!(follower.await.expect("no panic"), 2);
    let stats = cache.metrics().stats();
    assert_eq!((stats.coalesced(), stats.usage().entries), (1, 0));
}

#[tokio::test]
async fn failed_refresh_keeps_stale_entry() {
    std::panic::set_hook(Box::new(|_| ()));
    let (clock, hands) = Clock::manual();
    let loads = Arc::new(AtomicU64::new(0));
    let cache = try_cached("stale.failing", move |_: u64| {
        let number = loads.fetch_add(1, Ordering::Relaxed) + 1;
        async move {
            assert_ne!(number, 2, "on purpose");
            if number == 3 { Err("no") } else { Ok(number) }
        }
    })
    .stale_after(10 * SECOND)
    .serve_stale_for(60 * SECOND)
    .clock(clock)
    .build();
    assert_eq!(cache.try_call(1).await, Ok(1));
    hands.advance(11 * SECOND);
    for refreshed in 1..=3 {
        assert_eq!(cache.try_call(1).await, Ok(1));
        until(|| cache.metrics().stats().load_duration_by(LoadTrigger::Refresh).count() == refreshed).await;
    }
    assert_eq!(cache.try_call(1).await, Ok(4));
    let _ = std::panic::take_hook();
    assert_eq!(cache.metrics().stats().result(RequestResult::Stale), 3);
}

#[test]
fn stale_value_answers_for_failed_load_within_limit() {
    let (clock, hands) = Clock::manual();
    let loads = Arc::new(AtomicU64::new(0));
    let cache = try_cached("stale.on_error", move |_: u64| {
        let number = loads.fetch_add(1, Ordering::Relaxed) + 1;
        async move { if number == 1 { Ok(number) } else { Err("no") } }
    })
    .stale_after(10 * SECOND)
    .serve_stale_on_error(20 * SECOND)
    .clock(clock)
    .build();
    let ask = || cache.try_call(1).now_or_never().unwrap();
    assert_eq!(ask(), Ok(1));
    hands.advance(29 * SECOND);
    assert_eq!(ask(), Ok(1));
    assert!(cache.try_request(1).bypass().into_future().now_or_never().unwrap().is_err(), "it wants nothing cached");
    hands.advance(SECOND);
    assert!(ask().is_err());
    let stats = cache.metrics().stats();
    assert_eq!(stats.ended(RequestOutcome::new(RequestResult::Stale).with_failure(Failure::Error)), 1);
    assert_eq!((stats.misses(), stats.loads(LoadOutcome::Failed)), (2, 2));
    assert_eq!(stats.stale_age(StaleEvent::Served).max(), 19 * SECOND);
}
