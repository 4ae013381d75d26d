//! The clean-up of expired entries.

use std::time::Duration;

use cachescope::metrics::EvictionReason;
use cachescope::{Cached, Clock, ManualClock, Window, cached};
use futures_util::FutureExt;

use crate::until::until;

const SECOND: Duration = Duration::from_secs(1);

/// Waits until the thread is done with an interval: the next one starts some time after its work shows.
fn until_cleaned_again(hands: &ManualClock, what: impl Fn() -> bool) {
    until(|| {
        hands.advance(60 * SECOND);
        what()
    });
}

/// Fresh for 10 s, served for 5 s more, cleaned up every minute.
fn cleaned<V: Clone + Send + Sync + 'static>(
    name: &str,
    value: impl Fn(u64) -> V + Send + Sync + 'static,
) -> (Cached<u64, V>, ManualClock) {
    let (clock, hands) = Clock::manual();
    let builder = cached(name, move |key: u64| std::future::ready(value(key))).stale_after(10 * SECOND);
    (builder.serve_stale_for(5 * SECOND).cleanup_interval(60 * SECOND).clock(clock).build(), hands)
}

fn fill<V: Clone + Send + Sync + 'static>(cache: &Cached<u64, V>, keys: std::ops::Range<u64>) {
    keys.for_each(|key| drop(cache.call(key).now_or_never().expect("ready")));
}

#[test]
fn cleanup_removes_useless_entries_at_next_interval() {
    let (cache, hands) = cleaned("housekeeping.cleaned", |key| key);
    let entries = || cache.metrics().stats().usage().entries;
    fill(&cache, 0..10);
    hands.advance(46 * SECOND);
    fill(&cache, 10..13);
    assert_eq!(entries(), 13, "nobody looked yet");
    hands.advance(14 * SECOND);
    until(|| entries() == 3);
    assert!(cache.peek(&10).is_some(), "of use for a second yet");
    let stats = cache.metrics().stats();
    assert_eq!((stats.evictions(EvictionReason::Expired), stats.evictions(EvictionReason::Invalidated)), (10, 0));
    until_cleaned_again(&hands, || entries() == 0);
    assert_eq!(cache.metrics().stats().evictions(EvictionReason::Expired), 13);
}

#[test]
fn value_panicking_in_drop_stops_no_other_cleanup() {
    #[derive(Clone)]
    struct Touchy;
    impl Drop for Touchy {
        fn drop(&mut self) {
            // `resume_unwind` skips the panic hook, which would print the panic; and no second panic during an unwind.
            if std::thread::current().name() == Some("cachescope-housekeeping") && !std::thread::panicking() {
                std::panic::resume_unwind(Box::new("on purpose"));
            }
        }
    }
    let (touchy, hands) = cleaned("housekeeping.touchy", |_| std::sync::Arc::new(Touchy));
    let (well, its_hands) = cleaned("housekeeping.well", |key| key);
    fill(&touchy, 0..3);
    fill(&well, 0..3);
    hands.advance(60 * SECOND);
    // moka may drop a value of one cache, and panic, in a clean-up of the other: that clean-up is then repeated.
    until_cleaned_again(&its_hands, || well.metrics().stats().usage().entries == 0);
    fill(&well, 0..3);
    until_cleaned_again(&its_hands, || well.metrics().stats().usage().entries == 0);
}

#[test]
fn closed_cache_is_not_cleaned_up_and_its_windows_continue() {
    let (cache, hands) = cleaned("housekeeping.closed", |key| key);
    let (other, its_hands) = cleaned("housekeeping.open", |key| key);
    cache.close().now_or_never().expect("nothing runs");
    fill(&cache, 0..3);
    fill(&other, 0..3);
    hands.advance(60 * SECOND);
    its_hands.advance(60 * SECOND);
    until(|| other.metrics().stats().usage().entries == 0);
    assert_eq!(cache.metrics().stats().usage().entries, 3);
    assert_eq!(cache.metrics().window(Window::Minute).requests(), 3);
    hands.advance(600 * SECOND);
    assert_eq!(cache.metrics().window(Window::Minute).requests(), 0);
    assert_eq!(cache.metrics().window(Window::Hour).requests(), 3);
}
