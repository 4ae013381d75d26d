//! The defaults of a process are set once, so this test has a process of its own.

use std::time::Duration;

use cachescope::{Clock, Settings, cached, set_defaults};
use futures_util::FutureExt;

#[test]
fn defaults_are_set_once_and_own_options_take_precedence() {
    let second = Duration::from_secs(1);
    let out_of_range = set_defaults(Settings { jitter: 2.0, ..Settings::default() }).expect_err("no share");
    assert!(out_of_range.to_string().contains("0 to 1"));
    let (clock, hands) = Clock::manual();
    let defaults = Settings { stale_after: Some(10 * second), jitter: 0.0, clock, ..Settings::default() };
    set_defaults(defaults.clone()).expect("the first");
    let again = set_defaults(defaults).expect_err("the second");
    assert!(again.to_string().contains("must be called once"));

    let usual = cached("defaults.usual", |n: u64| async move { n }).build();
    let own = cached("defaults.own", |n: u64| async move { n }).stale_after(100 * second).build();
    let unlimited = cached("defaults.unlimited", |n: u64| async move { n }).stale_after(Duration::MAX).build();
    for cache in [&usual, &own, &unlimited] {
        assert_eq!(cache.call(1).now_or_never(), Some(1));
    }
    hands.advance(10 * second);
    for (cache, misses) in [(&usual, 2), (&own, 1), (&unlimited, 1)] {
        assert_eq!(cache.call(1).now_or_never(), Some(1));
        assert_eq!(cache.metrics().stats().misses(), misses, "{}", cache.name());
    }
    let late = set_defaults(Settings::default()).expect_err("too late");
    assert!(late.to_string().contains("must be called"));
}
