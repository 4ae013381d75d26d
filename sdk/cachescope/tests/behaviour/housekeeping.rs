//! What is done now and then.

use std::time::Duration;

use cachescope::{Cached, Clock, ClockHands, EvictionReason, Window, cached};
use futures_util::FutureExt;

use crate::patience::until;

const SECOND: Duration = Duration::from_secs(1);

/// The next interval begins when the thread is done with the last, which is some time after its work shows.
fn until_cleaned_again(hands: &ClockHands, what: impl Fn() -> bool) {
    until(|| {
        hands.advance(60 * SECOND);
        what()
    });
}

/// Fresh for 10 s, served for 5 s more, cleaned up every minute.
fn cleaned<V: Clone + Send + Sync + 'static>(
    name: &str,
    value: impl Fn(u64) -> V + Send + Sync + 'static,
) -> (Cached<u64, V>, ClockHands) {
    let (clock, hands) = Clock::manual();
    let builder = cached(name, move |key: u64| std::future::ready(value(key))).stale_after(10 * SECOND);
    (builder.serve_stale_for(5 * SECOND).cleanup_interval(60 * SECOND).clock(clock).build(), hands)
}

fn fill<V: Clone + Send + Sync + 'static>(cache: &Cached<u64, V>, keys: std::ops::Range<u64>) {
    keys.for_each(|key| drop(cache.call(key).now_or_never().expect("ready")));
}

#[test]
fn what_is_past_all_use_is_dropped_at_the_next_interval() {
    let (cache, hands) = cleaned("housekeeping.cleaned", |key| key);
    let entries = || cache.metrics().stats().levels().entries;
    fill(&cache, 0..10);
    hands.advance(46 * SECOND);
    fill(&cache, 10..13);
    assert_eq!(entries(), 13, "nobody looked yet");
    hands.advance(14 * SECOND);
    until(|| entries() == 3);
    assert!(cache.entry(&10).is_some(), "of use for a second yet");
    let stats = cache.metrics().stats();
    assert_eq!((stats.evictions(EvictionReason::Expired), stats.evictions(EvictionReason::Invalidated)), (10, 0));
    until_cleaned_again(&hands, || entries() == 0);
    assert_eq!(cache.metrics().stats().evictions(EvictionReason::Expired), 13);
}

#[test]
fn a_value_that_panics_as_it_goes_ends_nobody_s_clean_up() {
    #[derive(Clone)]
    struct Touchy;
    impl Drop for Touchy {
        fn drop(&mut self) {
            // Past the panic hook, which would print it; and not while another is under way.
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
    // What moka has yet to drop of the one may go, and panic, in a clean-up of the other: that is then tried again.
    until_cleaned_again(&its_hands, || well.metrics().stats().levels().entries == 0);
    fill(&well, 0..3);
    until_cleaned_again(&its_hands, || well.metrics().stats().levels().entries == 0);
}

#[test]
fn a_closed_cache_is_not_cleaned_up_and_its_windows_go_on() {
    let (cache, hands) = cleaned("housekeeping.closed", |key| key);
    let (other, its_hands) = cleaned("housekeeping.open", |key| key);
    cache.close().now_or_never().expect("nothing runs");
    fill(&cache, 0..3);
    fill(&other, 0..3);
    hands.advance(60 * SECOND);
    its_hands.advance(60 * SECOND);
    until(|| other.metrics().stats().levels().entries == 0);
    assert_eq!(cache.metrics().stats().levels().entries, 3);
    assert_eq!(cache.metrics().window(Window::Minute).requests(), 3);
    hands.advance(600 * SECOND);
    assert_eq!(cache.metrics().window(Window::Minute).requests(), 0);
    assert_eq!(cache.metrics().window(Window::Hour).requests(), 3);
}
