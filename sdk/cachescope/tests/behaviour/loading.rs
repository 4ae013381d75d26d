//! Loads: their limit, wait timeouts, and loads whose request was dropped.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use cachescope::metrics::{Failure, LoadOutcome, LoadTrigger, RequestOutcome, RequestResult, WaitOutcome};
use cachescope::{Builder, CallError, Clock, ManualClock, Stats, try_cached};
use futures_util::FutureExt;
use tokio::sync::Semaphore;

use crate::until::let_tasks_run;

const SECOND: Duration = Duration::from_secs(1);

#[derive(Debug, PartialEq, Eq)]
struct Busy;

/// Numbered loads that each take a permit; 13 panics with it.
fn gated(name: &str) -> (Builder<u64, u64, Busy>, ManualClock, Arc<Semaphore>) {
    let (clock, hands) = Clock::manual();
    let (gate, loads) = (Arc::new(Semaphore::new(0)), Arc::new(AtomicU64::new(0)));
    let permits = Arc::clone(&gate);
    let load = move |key: u64| {
        let (number, gate) = (loads.fetch_add(1, Ordering::Relaxed) + 1, Arc::clone(&permits));
        async move {
            gate.acquire().await.expect("open").forget();
            assert!(key != 13 || number > 1, "on purpose");
            Ok(number)
        }
    };
    (try_cached(name, load).clock(clock), hands, gate)
}

fn under_way(stats: &Stats) -> (u64, u64, u64) {
    (stats.in_flight(), stats.loads_active(), stats.waits_active())
}

#[tokio::test]
async fn load_limit_queues_requests_in_order() {
    let (builder, hands, gate) = gated("loading.places");
    let cache = builder.load_concurrency(2).build();
    let mut calls: Vec<_> = (0..5).map(|key| Box::pin(cache.try_call(key))).collect();
    for call in &mut calls {
        assert!(call.now_or_never().is_none());
        hands.advance(SECOND);
    }
    let stats = cache.metrics().stats();
    assert_eq!((under_way(&stats), stats.longest_wait()), ((5, 2, 3), 3 * SECOND));

    drop(calls.remove(2));
    gate.add_permits(1);
    assert_eq!((&mut calls[0]).now_or_never(), Some(Ok(1)));
    assert!((&mut calls[3]).now_or_never().is_none(), "it isn't its turn");
    assert!((&mut calls[2]).now_or_never().is_none(), "it has a place, and loads");
    gate.add_permits(5);
    assert_eq!((&mut calls[2]).now_or_never(), Some(Ok(3)));
    assert_eq!((&mut calls[1]).now_or_never(), Some(Ok(2)));
    assert_eq!((&mut calls[3]).now_or_never(), Some(Ok(4)));

    let stats = cache.metrics().stats();
    assert_eq!((stats.misses(), stats.cancelled(), stats.requests()), (4, 1, 5));
    assert_eq!((stats.waits(WaitOutcome::Admitted), stats.waits(WaitOutcome::Cancelled)), (2, 1));
    assert_eq!(stats.wait_duration(WaitOutcome::Admitted).max(), 2 * SECOND);
    assert_eq!((stats.loads(LoadOutcome::Loaded), under_way(&stats)), (4, (0, 0, 0)));
}

#[tokio::test]
async fn bypass_and_refresh_count_towards_load_limit() {
    let (builder, hands, gate) = gated("loading.all_kinds");
    let cache = builder.load_concurrency(1).stale_after(10 * SECOND).serve_stale_for(10 * SECOND).build();
    cache.insert(1, 100);
    hands.advance(10 * SECOND);
    let mut bypass = cache.try_request(2).bypass().into_future();
    assert!((&mut bypass).now_or_never().is_none());
    assert_eq!(cache.try_call(1).now_or_never(), Some(Ok(100)));
    let_tasks_run().await;
    let stats = cache.metrics().stats();
    assert_eq!((stats.loads_active(), stats.waits_active()), (1, 0), "no request waits for a refresh");
    gate.add_permits(1);
    assert_eq!(bypass.await, Ok(1));
    gate.add_permits(1);
    let_tasks_run().await;
    assert_eq!(cache.try_call(1).now_or_never(), Some(Ok(2)));
    assert_eq!(cache.metrics().stats().load_duration_by(LoadTrigger::Refresh).count(), 1);
}

#[tokio::test]
async fn timed_out_request_gets_configured_error_and_load_goes_on() {
    let (builder, hands, gate) = gated("loading.busy");
    let builder = builder.wait_for_load_timeout(5 * SECOND).wait_timeout_error(|| Busy);
    let cache = builder.stale_after(100 * SECOND).serve_stale_on_error(10 * SECOND).build();
    let mut leader = Box::pin(cache.try_call(1));
    let mut follower = Box::pin(cache.try_call(1));
    assert!((&mut leader).now_or_never().is_none() && (&mut follower).now_or_never().is_none());
    hands.advance(5 * SECOND);
    assert_eq!(follower.now_or_never(), Some(Err(CallError::Load(Arc::new(Busy)))));
    gate.add_permits(1);
    assert_eq!(leader.await, Ok(1));

    // A better answer than the error takes precedence.
    hands.advance(101 * SECOND);
    let mut leader = Box::pin(cache.try_call(1));
    let mut follower = Box::pin(cache.try_call(1));
    assert!((&mut leader).now_or_never().is_none() && (&mut follower).now_or_never().is_none());
    hands.advance(5 * SECOND);
    assert_eq!(follower.now_or_never(), Some(Ok(1)));
    drop(leader);

    let stats = cache.metrics().stats();
    assert_eq!(stats.ended(RequestOutcome::new(RequestResult::Coalesced).with_failure(Failure::Error)), 1);
    assert_eq!(stats.ended(RequestOutcome::new(RequestResult::Stale).with_failure(Failure::Error)), 1);
    assert_eq!((stats.waits(WaitOutcome::Timeout), stats.misses(), stats.cancelled()), (2, 1, 1));
    assert_eq!((stats.requests(), under_way(&stats)), (4, (0, 0, 0)));
}

#[tokio::test]
async fn load_goes_on_after_request_is_dropped_if_enabled() {
    let (builder, _, gate) = gated("loading.goes_on");
    let cache = builder.finish_cancelled_loads(true).build();
    let mut leader = Box::pin(cache.try_call(1));
    let mut follower = Box::pin(cache.try_call(1));
    assert!((&mut leader).now_or_never().is_none() && (&mut follower).now_or_never().is_none());
    drop(leader);
    assert_eq!(under_way(&cache.metrics().stats()), (1, 1, 1));
    gate.add_permits(1);
    assert_eq!(follower.await, Ok(1), "of the first load");
    let stats = cache.metrics().stats();
    assert_eq!((stats.cancelled(), stats.coalesced(), stats.misses()), (1, 1, 0));
    assert_eq!((stats.loads(LoadOutcome::Loaded), stats.loads(LoadOutcome::Cancelled)), (1, 0));
    assert_eq!((stats.usage().entries, under_way(&stats)), (1, (0, 0, 0)));

    let mut overtaken = Box::pin(cache.try_call(2));
    assert!((&mut overtaken).now_or_never().is_none());
    drop(overtaken);
    cache.invalidate(&2);
    gate.add_permits(1);
    let_tasks_run().await;
    assert_eq!((cache.peek(&2), cache.metrics().stats().loads_active()), (None, 0), "overtaken all the same");
}

#[tokio::test]
async fn panic_in_detached_load_makes_waiters_reload() {
    let (builder, _, gate) = gated("loading.panics");
    let cache = builder.finish_cancelled_loads(true).build();
    let mut leader = Box::pin(cache.try_call(13));
    let mut follower = Box::pin(cache.try_call(13));
    assert!((&mut leader).now_or_never().is_none() && (&mut follower).now_or_never().is_none());
    drop(leader);
    gate.add_permits(2);
    assert_eq!(follower.await, Ok(2));
    let stats = cache.metrics().stats();
    assert_eq!((stats.loads(LoadOutcome::Panicked), stats.misses(), stats.cancelled()), (1, 1, 1));
}

#[test]
fn load_ends_with_its_request_without_runtime() {
    let (builder, _, _gate) = gated("loading.ends");
    let cache = builder.finish_cancelled_loads(true).build();
    let mut leader = Box::pin(cache.try_call(1));
    assert!((&mut leader).now_or_never().is_none());
    drop(leader);
    let stats = cache.metrics().stats();
    assert_eq!((stats.loads(LoadOutcome::Cancelled), under_way(&stats)), (1, (0, 0, 0)));
}

#[tokio::test]
async fn closed_cache_refreshes_nothing_and_still_answers() {
    let (builder, hands, gate) = gated("loading.closed");
    let cache = builder.stale_after(10 * SECOND).serve_stale_for(100 * SECOND).build();
    cache.insert(1, 100);
    hands.advance(10 * SECOND);
    assert_eq!(cache.try_call(1).await, Ok(100));
    let_tasks_run().await;
    assert_eq!(cache.metrics().stats().loads_active(), 1);
    cache.close().await;
    let stats = cache.metrics().stats();
    assert_eq!((stats.loads_active(), stats.load_duration_by(LoadTrigger::Refresh).count()), (0, 1), "cancelled");
    gate.add_permits(10);
    assert_eq!(cache.try_call(1).await, Ok(2), "it loads as on any miss");
    assert_eq!(cache.try_call(1).now_or_never(), Some(Ok(2)));
    cache.close().await;
}
