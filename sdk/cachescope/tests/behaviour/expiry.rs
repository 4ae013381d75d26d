//! The TTL of entries.

use std::time::Duration;

use cachescope::metrics::{MissReason, RequestOutcome};
use cachescope::{Clock, cached};
use futures_util::FutureExt;

#[test]
fn entry_is_served_until_its_expiry_and_not_at_it() {
    let (clock, hands) = Clock::manual();
    let cache = cached("expiry", |n: u64| async move { n }).stale_after(Duration::from_secs(10)).clock(clock).build();
    cache.call(1).now_or_never();
    hands.advance(Duration::from_nanos(9_999_999_999));
    cache.call(1).now_or_never();
    hands.advance(Duration::from_nanos(1));
    cache.call(1).now_or_never();
    let stats = cache.metrics().stats();
    assert_eq!((stats.hits(), stats.misses()), (1, 2));
    assert_eq!(stats.ended(RequestOutcome::miss(MissReason::Expired)), 1);
}

#[test]
fn zero_ttl_loads_every_time_and_no_ttl_never_expires() {
    let (clock, hands) = Clock::manual();
    let load = |n: u64| async move { n };
    let never = cached("expiry.zero", load).stale_after(Duration::ZERO).clock(clock.clone()).build();
    let ever = cached("expiry.none", load).clock(clock).build();
    for _ in 0..3 {
        never.call(1).now_or_never();
        ever.call(1).now_or_never();
        hands.advance(Duration::from_secs(1 << 33));
    }
    assert_eq!((never.metrics().stats().misses(), ever.metrics().stats().misses()), (3, 1));
}

#[test]
fn ttl_follows_value_with_stale_after_fn() {
    let (clock, hands) = Clock::manual();
    let cache = cached("expiry.by", |n: u64| async move { n })
        .stale_after_fn(|n| (*n > 0).then(|| Duration::from_secs(*n)))
        .clock(clock)
        .build();
    for key in [0, 1, 5] {
        cache.call(key).now_or_never();
    }
    hands.advance(Duration::from_secs(3));
    for key in [0, 1, 5] {
        cache.call(key).now_or_never();
    }
    assert_eq!((cache.metrics().stats().hits(), cache.metrics().stats().misses()), (2, 4));
}

#[test]
fn jitter_spreads_expiry_of_entries_stored_together() {
    let (clock, hands) = Clock::manual();
    let cache = cached("expiry.jitter", |n: u64| async move { n })
        .stale_after(Duration::from_secs(100))
        .jitter(0.5)
        .clock(clock)
        .build();
    let ask_all = || (0..1_000).for_each(|key| assert_eq!(cache.call(key).now_or_never(), Some(key)));
    ask_all();
    hands.advance(Duration::from_secs(50));
    ask_all();
    assert_eq!(cache.metrics().stats().misses(), 1_000, "none expires before half its life");
    hands.advance(Duration::from_secs(25));
    ask_all();
    // TTLs are uniform over 50 to 100 s: half have ended. The standard deviation is 16; six of them either way.
    let expired = cache.metrics().stats().misses() - 1_000;
    assert!((404..=596).contains(&expired), "{expired}");
}
