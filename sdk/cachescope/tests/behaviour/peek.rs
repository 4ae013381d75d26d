//! Looks without a load, and removals.

use std::time::Duration;

use cachescope::metrics::{EvictionReason, LoadTrigger, RequestResult, StaleEvent};
use cachescope::{Cached, Clock, ManualClock, cached};
use futures_util::FutureExt;

const SECOND: Duration = Duration::from_secs(1);

/// Squares that are fresh for 10 s and served for 5 s more.
fn squares(name: &str) -> (Cached<u64, u64>, ManualClock) {
    let (clock, hands) = Clock::manual();
    let builder = cached(name, |n: u64| async move { n * n }).stale_after(10 * SECOND).serve_stale_for(5 * SECOND);
    (builder.clock(clock).build(), hands)
}

#[tokio::test]
async fn get_if_present_returns_usable_entry_and_never_loads() {
    let (cache, hands) = squares("looking.only");
    assert_eq!(cache.get_if_present(&3), None);
    cache.call(3).await;
    assert_eq!(cache.get_if_present(&3), Some(9));
    hands.advance(12 * SECOND);
    assert_eq!(cache.get_if_present(&3), Some(9), "stale");
    assert_eq!(cache.request(3).only_if_cached().await, Some(9));
    assert_eq!(cache.request(3).max_age(11 * SECOND).only_if_cached().await, None, "older than it wants");
    hands.advance(3 * SECOND);
    assert_eq!(cache.get_if_present(&3), None, "expired");
    tokio::task::yield_now().await;

    let stats = cache.metrics().stats();
    assert_eq!((stats.requests(), stats.misses(), stats.hits()), (7, 1, 1));
    assert_eq!((stats.result(RequestResult::Stale), stats.result(RequestResult::Absent)), (2, 3));
    assert_eq!(stats.stale_age(StaleEvent::Served).max(), 2 * SECOND);
    assert_eq!(stats.load_duration_by(LoadTrigger::Refresh).count(), 0, "nothing is renewed for it");
    assert_eq!(stats.hit_rate(), Some(3.0 / 7.0), "what was absent is no hit");
    assert_eq!(stats.in_flight(), 0);
}

#[test]
fn peek_returns_age_and_counts_nothing() {
    let (cache, hands) = squares("looking.entry");
    assert_eq!(cache.peek(&3), None);
    cache.insert(3, 9);
    hands.advance(4 * SECOND);
    let seen = cache.peek(&3).expect("it is there");
    assert_eq!((seen.value, seen.age, seen.remaining), (9, 4 * SECOND, Some(6 * SECOND)));
    hands.advance(60 * SECOND);
    let seen = cache.peek(&3).expect("however old");
    assert_eq!((seen.age, seen.remaining), (64 * SECOND, Some(Duration::ZERO)));
    assert_eq!(cache.metrics().stats().requests(), 0);

    let unlimited = cached("looking.unlimited", |n: u64| async move { n }).build();
    unlimited.insert(1, 1);
    assert_eq!(unlimited.peek(&1).expect("it is there").remaining, None);
}

#[test]
fn invalidate_if_removes_and_counts_matching_entries() {
    let cache = cached("looking.matches", |(tenant, n): (u64, u64)| async move { tenant * 100 + n }).build();
    for key in [(1, 1), (1, 2), (2, 1), (2, 2)] {
        cache.call(key).now_or_never().expect("ready");
    }
    assert_eq!(cache.invalidate_if(|(tenant, _), _| *tenant == 1), 2);
    assert_eq!(cache.invalidate_if(|_, value| *value > 1_000), 0);
    assert!(cache.peek(&(1, 1)).is_none() && cache.peek(&(2, 1)).is_some());
    let stats = cache.metrics().stats();
    assert_eq!((stats.usage().entries, stats.evictions(EvictionReason::Invalidated)), (2, 2));
}

#[test]
fn invalidate_tag_removes_all_entries_with_tag() {
    let builder = cached("looking.tags", |n: u64| async move { n * n });
    let cache = builder.tags(|n, square| [format!("digits:{}", square.to_string().len()), format!("key:{n}")]).build();
    for n in 0..12 {
        cache.call(n).now_or_never().expect("ready");
    }
    assert_eq!((cache.invalidate_tag("digits:1"), cache.invalidate_tag("digits:1")), (4, 0));
    assert_eq!((cache.invalidate_tag("key:11"), cache.invalidate_tag("key:1")), (1, 0));
    assert_eq!(cache.metrics().stats().usage().entries, 7);
    let untagged = cached("looking.untagged", |n: u64| async move { n }).build();
    untagged.insert(1, 1);
    assert_eq!(untagged.invalidate_tag("1"), 0);
}

#[tokio::test]
async fn load_under_way_is_not_stored_after_invalidation() {
    fn drop_none(cache: &Cached<u64, u64>) {
        assert_eq!(cache.invalidate_if(|_, _| false), 0);
    }
    for drop_all in [drop_none, Cached::clear_in_flight] {
        let cache = cached("looking.under_way", |n: u64| async move {
            tokio::task::yield_now().await;
            n * n
        })
        .build();
        cache.insert(2, 4);
        let mut old = Box::pin(cache.call(3));
        let mut follows = Box::pin(cache.call(3));
        assert!((&mut old).now_or_never().is_none() && (&mut follows).now_or_never().is_none());
        drop_all(&cache);
        let mut new = Box::pin(cache.call(3));
        assert!((&mut new).now_or_never().is_none(), "it loads again");
        assert_eq!((old.await, follows.await), (9, 9), "followers are answered");
        assert!(cache.peek(&3).is_none(), "the overtaken load isn't stored");
        assert_eq!(new.await, 9);
        assert!(cache.peek(&3).is_some() && cache.peek(&2).is_some());
        let stats = cache.metrics().stats();
        assert_eq!((stats.misses(), stats.coalesced(), stats.requests()), (2, 1, 3));
    }
}
