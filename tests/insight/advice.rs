//! Advice in the situations it is meant for, and none where all is well.

use std::time::Duration;

use cachescope::{
    Advice, Builder, Cached, Clock, ClockHands, HitTiming, Json, Moka, MokaStore, Rule, Shared, cached, try_cached,
};
use cachescope_core::contract::InMemory;
use cachescope_tests::access_trace::{looping, scan, zipf};
use cachescope_tests::one::One;
use futures_util::FutureExt;

const MILLISECOND: Duration = Duration::from_millis(1);

type Users<E = std::convert::Infallible> = Cached<u64, u64, E, MokaStore<u64, u64>>;

/// A cache whose loads take 20 ms, by a clock that goes on a millisecond a request.
fn users(
    capacity: u64,
    rest: impl FnOnce(Builder<u64, u64, std::convert::Infallible>) -> Builder<u64, u64, std::convert::Infallible>,
) -> (Users, ClockHands) {
    let (clock, hands) = Clock::manual();
    let moves = hands.clone();
    let load = move |key: u64| {
        moves.advance(20 * MILLISECOND);
        async move { key }
    };
    let cache = rest(cached("insight.advice", load).clock(clock)).store(Moka::with_capacity(capacity)).build();
    (cache, hands)
}

fn asked(cache: &Users, hands: &ClockHands, keys: impl Iterator<Item = u64>) {
    for key in keys {
        hands.advance(MILLISECOND);
        assert_eq!(cache.call(key).now_or_never(), Some(key));
    }
}

/// What is said of a cache that has been asked for these keys.
fn said(
    capacity: u64,
    rest: impl FnOnce(Builder<u64, u64, std::convert::Infallible>) -> Builder<u64, u64, std::convert::Infallible>,
    keys: impl Iterator<Item = u64>,
) -> Vec<Advice> {
    let (cache, hands) = users(capacity, rest);
    asked(&cache, &hands, keys);
    let advice = cache.insight().advice();
    advice.iter().for_each(|advice| println!("{advice}"));
    advice
}

fn rules(advice: &[Advice]) -> Vec<Rule> {
    advice.iter().map(|advice| advice.rule).collect()
}

#[test]
fn where_all_is_well_nothing_is_said() {
    let minutes = |builder: Builder<_, _, _>| builder.stale_after(Duration::from_secs(120));
    let advice = said(4_000, minutes, zipf(1.0, 3_000, 60_000, 1));
    assert_eq!(rules(&advice), []);
}

#[test]
fn nothing_is_said_before_enough_was_seen() {
    assert_eq!(rules(&said(10, |builder| builder, looping(20, 500))), []);
}

#[test]
fn a_loop_that_nearly_fits_wants_more_room() {
    let advice = said(1_000, |builder| builder, looping(1_800, 40_000));
    assert_eq!(rules(&advice).first(), Some(&Rule::TooSmall), "{advice:?}");
}

#[test]
fn much_room_for_few_hot_keys_is_too_much() {
    let keys = scan(150_000).flat_map(|once| [once * 31 % 40, once * 17 % 40, 1_000_000 + once]);
    let advice = said(4_000, |builder| builder, keys);
    assert!(rules(&advice).contains(&Rule::TooLarge), "{advice:?}");
}

#[test]
fn entries_that_are_asked_for_again_once_they_are_gone_should_live_longer() {
    let short = |builder: Builder<_, _, _>| builder.stale_after(Duration::from_secs(1));
    let advice = said(10_000, short, zipf(0.4, 1_000, 60_000, 3));
    assert!(rules(&advice).contains(&Rule::TtlTooShort), "{advice:?}");
}

#[test]
fn entries_whose_requests_are_soon_over_needn_t_live_so_long() {
    // Each key is asked for a hundred times within a second, and never again.
    let long = |builder: Builder<_, _, _>| builder.stale_after(Duration::from_secs(600));
    let advice = said(100_000, long, (0..60_000).map(|request| request / 100));
    assert!(rules(&advice).contains(&Rule::TtlTooLong), "{advice:?}");
}

#[test]
fn a_key_that_has_most_of_the_requests_is_named() {
    let keys = zipf(0.8, 1_000, 20_000, 4).flat_map(|key| [7, key, 7]);
    let (cache, hands) = users(10_000, |builder| builder.name_hot_keys(|key| format!("user {key}")));
    asked(&cache, &hands, keys);
    let advice = cache.insight().advice();
    let hot = advice.iter().find(|advice| advice.rule == Rule::OneHotKey).expect("two thirds of the requests");
    assert!(hot.to_string().contains("user 7"), "{hot}");
    // Unless the user wants it, no key is told.
    let (cache, hands) = users(10_000, |builder| builder);
    asked(&cache, &hands, zipf(0.8, 1_000, 20_000, 4).flat_map(|key| [4_711, key, 4_711]));
    let advice = cache.insight().advice();
    let hot = advice.iter().find(|advice| advice.rule == Rule::OneHotKey).expect("two thirds of the requests");
    assert!(!format!("{hot} {hot:?} {:?}", cache.insight().hot_keys()).contains("4711"), "{hot:?}");
}

#[test]
fn values_that_are_mostly_too_large_are_told() {
    let small = |builder: Builder<_, _, _>| builder.entry_size(|key| (*key % 10) as usize).entry_size_limit(7_u64);
    let advice = said(10_000, small, zipf(0.8, 1_000, 20_000, 5));
    assert!(rules(&advice).contains(&Rule::ValuesTooLarge), "{advice:?}");
}

#[test]
fn keys_that_are_asked_for_once_are_stored_for_nothing() {
    let keys = scan(100_000).map(|once| if once % 4 == 0 { once % 16 } else { 1_000_000 + once });
    let advice = said(1_000, |builder| builder, keys);
    assert!(rules(&advice).contains(&Rule::EvictedUnread), "{advice:?}");
}

#[test]
fn a_store_slower_than_its_loads_isn_t_worth_its_while() {
    let (clock, hands) = Clock::manual();
    let (moves, looks) = (hands.clone(), hands);
    let load = move |key: u64| {
        moves.advance(Duration::from_micros(10));
        async move { key }
    };
    let slow = One::on_get(move || looks.advance(Duration::from_micros(100)));
    let cache = cached("insight.worthless", load).clock(clock).hit_timing(HitTiming::Every).store(slow).build();
    for key in (0..4_000).map(|request| u64::from(request % 20 == 0)) {
        assert_eq!(cache.call(key).now_or_never(), Some(key));
    }
    let advice = cache.insight().advice();
    assert!(rules(&advice).contains(&Rule::NotWorthCaching), "{advice:?}");
}

#[test]
fn errors_that_answer_many_requests_are_told() {
    let (clock, hands) = Clock::manual();
    let load = |key: u64| async move { if key.is_multiple_of(5) { Err("on purpose") } else { Ok(key) } };
    let cache: Users<&str> = try_cached("insight.errors", load)
        .cache_errors_for(Duration::from_secs(60), |_| true)
        .clock(clock)
        .store(Moka::with_capacity(10_000))
        .build();
    for key in zipf(0.2, 1_000, 20_000, 6) {
        hands.advance(MILLISECOND);
        let _ = cache.try_call(key).now_or_never();
    }
    let advice = cache.insight().advice();
    assert!(rules(&advice).contains(&Rule::ErrorsCached), "{advice:?}");
}

#[test]
fn many_requests_at_once_for_what_is_being_loaded_are_a_stampede() {
    let (clock, hands) = Clock::manual();
    let moves = hands.clone();
    let load = move |key: u64| {
        let moves = moves.clone();
        async move {
            // Others come meanwhile.
            let mut polls = 0;
            std::future::poll_fn(|cx| {
                polls += 1;
                cx.waker().wake_by_ref();
                if polls > 3 { std::task::Poll::Ready(()) } else { std::task::Poll::Pending }
            })
            .await;
            moves.advance(20 * MILLISECOND);
            key
        }
    };
    let cache = cached("insight.stampede", load).stale_after(Duration::from_secs(1)).clock(clock).build();
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    runtime.block_on(async {
        for round in 0..200_u64 {
            hands.advance(Duration::from_secs(2));
            let all = (0..30).map(|_| cache.call(round % 7));
            futures_util::future::join_all(all).await;
        }
    });
    let advice = cache.insight().advice();
    assert!(rules(&advice).contains(&Rule::Stampedes), "{advice:?}");
}

/// By the machine's clock: what a thousand numbers as JSON take is a hundred times what a look into a map does.
#[test]
fn values_that_take_longer_to_code_than_to_store_are_told() {
    let load = |key: u64| async move { vec![key; 1_000] };
    let store = Shared::new(InMemory::new(Clock::default())).codec(Json);
    let cache = cached("insight.coded", load).store(store).build();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
    runtime.block_on(async {
        for key in (0..600).chain(0..600) {
            assert_eq!(cache.call(key).await.len(), 1_000);
        }
    });
    let advice = cache.insight().advice();
    advice.iter().for_each(|advice| println!("{advice}"));
    assert!(rules(&advice).contains(&Rule::SerialisationDominates), "{advice:?}");
}
