//! Refreshes before the expiry.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use cachescope::metrics::{LoadTrigger, RequestResult, StaleEvent};
use cachescope::{Builder, Clock, ManualClock, cached};
use futures_util::FutureExt;
use tokio::task::yield_now;

const SECOND: Duration = Duration::from_secs(1);

/// Numbered loads of a fixed duration; fresh for 100 s.
fn numbered(name: &str, takes: Duration) -> (Builder<u64, u64, std::convert::Infallible>, ManualClock) {
    let (clock, hands) = Clock::manual();
    let (loads, moves) = (Arc::new(AtomicU64::new(0)), hands.clone());
    let load = move |_: u64| {
        let (number, moves) = (loads.fetch_add(1, Ordering::Relaxed) + 1, moves.clone());
        async move {
            moves.advance(takes);
            number
        }
    };
    (cached(name, load).stale_after(100 * SECOND).clock(clock), hands)
}

#[tokio::test]
async fn hit_near_expiry_answers_at_once_and_refreshes() {
    let (builder, hands) = numbered("renewing.ahead", Duration::ZERO);
    let cache = builder.refresh_ahead(10 * SECOND).build();
    assert_eq!((cache.call(1).await, cache.call(2).await), (1, 2));
    hands.advance(89 * SECOND);
    assert_eq!(cache.call(1).now_or_never(), Some(1));
    yield_now().await;
    assert_eq!(cache.metrics().stats().load_duration_by(LoadTrigger::Refresh).count(), 0, "a second too early");
    hands.advance(SECOND);
    for _ in 0..5 {
        assert_eq!(cache.call(1).now_or_never(), Some(1));
    }
    yield_now().await;
    assert_eq!(cache.call(1).now_or_never(), Some(3));
    hands.advance(50 * SECOND);
    assert_eq!((cache.call(1).now_or_never(), cache.call(2).now_or_never()), (Some(3), Some(4)));

    let stats = cache.metrics().stats();
    assert_eq!((stats.hits(), stats.misses(), stats.requests()), (8, 3, 11), "2 wasn't in use, and expired");
    assert_eq!(stats.load_duration_by(LoadTrigger::Refresh).count(), 1);
    assert_eq!(stats.stale_age(StaleEvent::Reloaded).count(), 1, "of key 2: key 1 never expired");
    assert_eq!((stats.result(RequestResult::Stale), stats.in_flight()), (0, 0));
}

#[tokio::test]
async fn entry_is_not_refreshed_in_first_half_of_ttl() {
    let (builder, hands) = numbered("renewing.half", Duration::ZERO);
    let cache = builder.refresh_ahead(1_000 * SECOND).build();
    cache.call(1).await;
    hands.advance(49 * SECOND);
    assert_eq!(cache.call(1).await, 1);
    yield_now().await;
    assert_eq!(cache.call(1).await, 1);
    hands.advance(SECOND);
    assert_eq!(cache.call(1).await, 1);
    yield_now().await;
    assert_eq!(cache.call(1).await, 2);
}

#[test]
fn entry_expires_without_runtime_to_refresh_it() {
    let (builder, hands) = numbered("renewing.no_runtime", Duration::ZERO);
    let cache = builder.refresh_ahead(10 * SECOND).build();
    cache.call(1).now_or_never().expect("ready");
    hands.advance(95 * SECOND);
    assert_eq!(cache.call(1).now_or_never(), Some(1));
    hands.advance(5 * SECOND);
    assert_eq!(cache.call(1).now_or_never(), Some(2));
    let stats = cache.metrics().stats();
    assert_eq!((stats.hits(), stats.misses(), stats.requests()), (1, 2, 3));
}

#[tokio::test]
async fn early_expiration_refreshes_expensive_entries_only() {
    let expensive = (0..20).map(|number| numbered(&format!("refresh.expensive.{number}"), 10 * SECOND));
    let mut renewed = 0;
    for (builder, hands) in expensive {
        let cache = builder.early_expiration(1.0).build();
        cache.call(1).await;
        hands.advance(99 * SECOND);
        assert_eq!(cache.call(1).now_or_never(), Some(1));
        yield_now().await;
        renewed += cache.metrics().stats().load_duration_by(LoadTrigger::Refresh).count();
    }
    // Each with a probability of exp(-1/10): fewer than 10 of 20 once in 10 million runs.
    assert!(renewed >= 10, "{renewed}");

    let (builder, hands) = numbered("renewing.free", Duration::ZERO);
    let cache = builder.early_expiration(1.0).build();
    cache.call(1).await;
    hands.advance(100 * SECOND - Duration::from_nanos(1));
    assert_eq!(cache.call(1).await, 1);
    yield_now().await;
    assert_eq!(cache.metrics().stats().load_duration_by(LoadTrigger::Refresh).count(), 0);
}
