//! Remembered errors.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use cachescope::metrics::{Failure, LoadOutcome, LoadTrigger, RequestOutcome, RequestResult, StaleEvent};
use cachescope::{Builder, Clock, ManualClock, try_cached};
use futures_util::FutureExt;
use tokio::task::yield_now;

use crate::until::let_tasks_run;

const SECOND: Duration = Duration::from_secs(1);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Failed {
    NoSuchUser,
    Unreachable,
}

/// Loads that fail by the state of the source: 0 is healthy, 1 has no such user, 2 is unreachable. `NoSuchUser` is
/// remembered for 30 s.
fn users(name: &str) -> (Builder<u64, u64, Failed>, Arc<AtomicU64>, ManualClock) {
    let (clock, hands) = Clock::manual();
    let source = Arc::new(AtomicU64::new(1));
    let stands = Arc::clone(&source);
    let load = move |id: u64| {
        let stands = stands.load(Ordering::Relaxed);
        async move {
            yield_now().await;
            match stands {
                0 => Ok(id),
                1 => Err(Failed::NoSuchUser),
                _ => Err(Failed::Unreachable),
            }
        }
    };
    let builder = try_cached(name, load).clock(clock);
    (builder.cache_errors_for(30 * SECOND, |error| *error == Failed::NoSuchUser), source, hands)
}

#[tokio::test]
async fn remembered_error_answers_until_its_ttl() {
    let (builder, source, hands) = users("errors.life");
    let cache = builder.build();
    let answers = futures_util::future::join_all((0..10).map(|_| cache.try_call(1))).await;
    assert!(
        answers
            .iter()
            .all(|answer| answer.as_ref().is_err_and(|error| error.load_error() == Some(&Failed::NoSuchUser)))
    );
    hands.advance(29 * SECOND);
    assert!(cache.try_call(1).now_or_never().expect("no load").is_err());
    let stats = cache.metrics().stats();
    assert_eq!((stats.loads(LoadOutcome::Failed), stats.misses(), stats.coalesced()), (1, 1, 9));
    assert_eq!(stats.ended(RequestOutcome::new(RequestResult::Hit).with_failure(Failure::Error)), 1);
    assert_eq!((stats.requests(), stats.in_flight(), stats.hits()), (11, 0, 1));

    source.store(0, Ordering::Relaxed);
    hands.advance(SECOND);
    assert_eq!(cache.try_call(1).await, Ok(1), "its time is over");
    source.store(2, Ordering::Relaxed);
    assert!(cache.try_call(2).await.is_err() && cache.try_call(2).now_or_never().is_none(), "it isn't remembered");
}

#[tokio::test]
async fn stored_value_replaces_remembered_error() {
    let (builder, source, hands) = users("errors.forgotten");
    let cache = builder.build();
    for forget in [
        (|cache: &cachescope::Cached<u64, u64, Failed>| cache.invalidate(&1)) as fn(&_),
        |cache| cache.clear(),
        |cache| {
            cache.insert(1, 1);
            cache.invalidate(&1);
        },
    ] {
        source.store(1, Ordering::Relaxed);
        assert!(cache.try_call(1).await.is_err() && cache.try_call(1).now_or_never().is_some());
        source.store(0, Ordering::Relaxed);
        forget(&cache);
        assert_eq!(cache.try_call(1).await, Ok(1));
        cache.clear();
    }
    source.store(1, Ordering::Relaxed);
    assert!(cache.try_call(1).await.is_err());
    source.store(0, Ordering::Relaxed);
    assert_eq!(cache.try_request(1).bypass().await, Ok(1), "it doesn't look");
    assert!(cache.try_call(1).now_or_never().expect("remembered still").is_err());
    hands.advance(SECOND);
    assert_eq!(cache.try_request(1).max_age(Duration::ZERO).await, Ok(1), "it wants something younger");
    source.store(1, Ordering::Relaxed);
    cache.clear();
    assert!(cache.try_call(1).await.is_err());
    source.store(0, Ordering::Relaxed);
    assert_eq!(cache.try_request(1).overwrite().await, Ok(1));
    assert_eq!(cache.try_call(1).now_or_never(), Some(Ok(1)));
}

#[tokio::test]
async fn removed_entry_forgets_error_of_its_key() {
    let (builder, source, hands) = users("errors.dropped");
    let cache = builder.stale_after(10 * SECOND).build();
    cache.insert(1, 7);
    hands.advance(10 * SECOND);
    assert!(cache.try_call(1).await.is_err() && cache.try_call(1).now_or_never().is_some(), "remembered");
    assert_eq!(cache.invalidate_if(|key, _| *key == 1), 1);
    source.store(0, Ordering::Relaxed);
    assert_eq!(cache.try_call(1).await, Ok(1));
}

#[tokio::test]
async fn error_overtaken_by_invalidation_is_not_remembered() {
    let (builder, _, _hands) = users("errors.overtaken");
    let cache = builder.build();
    let mut call = Box::pin(cache.try_call(1));
    assert!((&mut call).now_or_never().is_none());
    cache.invalidate(&1);
    assert!(call.await.is_err());
    assert!(cache.try_call(1).now_or_never().is_none(), "it loads");
}

#[tokio::test]
async fn failing_source_is_tried_once_per_error_ttl_while_stale_value_answers() {
    let (builder, source, hands) = users("errors.throttle");
    let cache = builder.stale_after(10 * SECOND).serve_stale_on_error(1_000 * SECOND).build();
    cache.insert(1, 7);
    hands.advance(10 * SECOND);
    for _ in 0..5 {
        assert_eq!(cache.try_call(1).await, Ok(7));
        hands.advance(2 * SECOND);
    }
    let stats = cache.metrics().stats();
    assert_eq!(stats.loads(LoadOutcome::Failed), 1);
    assert_eq!(stats.ended(RequestOutcome::new(RequestResult::Stale).with_failure(Failure::Error)), 5);
    assert_eq!(stats.stale_age(StaleEvent::Served).max(), 8 * SECOND);
    hands.advance(20 * SECOND);
    source.store(0, Ordering::Relaxed);
    assert_eq!(cache.try_call(1).await, Ok(1));
}

#[tokio::test]
async fn failed_refresh_is_not_repeated_while_error_is_remembered() {
    let (builder, _, hands) = users("errors.refresh");
    let cache = builder.stale_after(10 * SECOND).serve_stale_for(100 * SECOND).refresh_ahead(2 * SECOND).build();
    cache.insert(1, 7);
    hands.advance(8 * SECOND);
    for _ in 0..6 {
        assert_eq!(cache.try_call(1).now_or_never(), Some(Ok(7)));
        let_tasks_run().await;
        hands.advance(5 * SECOND);
    }
    let stats = cache.metrics().stats();
    assert_eq!(stats.load_duration_by(LoadTrigger::Refresh).count(), 1, "from 8 s to 33 s");
    assert_eq!((stats.hits(), stats.result(RequestResult::Stale), stats.misses()), (1, 5, 0));
    assert_eq!(cache.try_call(1).now_or_never(), Some(Ok(7)));
    let_tasks_run().await;
    assert_eq!(cache.metrics().stats().load_duration_by(LoadTrigger::Refresh).count(), 2, "at 38 s");
}
