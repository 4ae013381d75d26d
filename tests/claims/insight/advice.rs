//! Advice in the situations that it is for, and no advice for a healthy cache.

use std::time::Duration;

use cachescope::insight::{Advice, Rule};
use cachescope::metrics::HitTiming;
use cachescope::shared::Json;
use cachescope::store::MokaStore;
use cachescope::{Builder, Cached, Clock, ManualClock, Moka, Shared, cached, try_cached};
use cachescope_testing::InMemory;
use cachescope_tests::access_trace::{looping, scan, zipf};
use cachescope_tests::single_entry::SingleEntry;
use futures_util::FutureExt;

const MILLISECOND: Duration = Duration::from_millis(1);

type Users<E = std::convert::Infallible> = Cached<u64, u64, E, MokaStore<u64, u64>>;

/// A cache whose loads take 20 ms, and the clock that it uses.
fn users(
    capacity: u64,
    rest: impl FnOnce(Builder<u64, u64, std::convert::Infallible>) -> Builder<u64, u64, std::convert::Infallible>,
) -> (Users, ManualClock) {
    let (clock, hands) = Clock::manual();
    let moves = hands.clone();
    let load = move |key: u64| {
        moves.advance(20 * MILLISECOND);
        async move { key }
    };
    let cache = rest(cached("insight.advice", load).clock(clock)).store(Moka::with_capacity(capacity)).build();
    (cache, hands)
}

fn request_all(cache: &Users, hands: &ManualClock, keys: impl Iterator<Item = u64>) {
    for key in keys {
        hands.advance(MILLISECOND);
        assert_eq!(cache.call(key).now_or_never(), Some(key));
    }
}

/// The advice for a cache after requests for these keys, one every millisecond.
fn advice_for(
    capacity: u64,
    rest: impl FnOnce(Builder<u64, u64, std::convert::Infallible>) -> Builder<u64, u64, std::convert::Infallible>,
    keys: impl Iterator<Item = u64>,
) -> Vec<Advice> {
    let (cache, hands) = users(capacity, rest);
    request_all(&cache, &hands, keys);
    let advice = cache.insight().advice();
    advice.iter().for_each(|advice| println!("{advice}"));
    advice
}

fn rules(advice: &[Advice]) -> Vec<Rule> {
    advice.iter().map(|advice| advice.rule).collect()
}

#[test]
fn healthy_cache_gets_no_advice() {
    let minutes = |builder: Builder<_, _, _>| builder.stale_after(Duration::from_secs(120));
    let advice = advice_for(4_000, minutes, zipf(1.0, 3_000, 60_000, 1));
    assert_eq!(rules(&advice), []);
}

#[test]
fn few_requests_give_no_advice() {
    assert_eq!(rules(&advice_for(10, |builder| builder, looping(20, 500))), []);
}

#[test]
fn loop_larger_than_the_cache_is_too_small() {
    let advice = advice_for(1_000, |builder| builder, looping(1_800, 40_000));
    assert_eq!(rules(&advice).first(), Some(&Rule::TooSmall), "{advice:?}");
}

#[test]
fn large_capacity_for_few_hot_keys_is_too_large() {
    let keys = scan(150_000).flat_map(|once| [once * 31 % 40, once * 17 % 40, 1_000_000 + once]);
    let advice = advice_for(4_000, |builder| builder, keys);
    assert!(rules(&advice).contains(&Rule::TooLarge), "{advice:?}");
}

#[test]
fn requests_after_expiry_make_the_ttl_too_short() {
    let short = |builder: Builder<_, _, _>| builder.stale_after(Duration::from_secs(1));
    let advice = advice_for(10_000, short, zipf(0.4, 1_000, 60_000, 3));
    assert!(rules(&advice).contains(&Rule::TtlTooShort), "{advice:?}");
}

#[test]
fn keys_without_later_requests_make_the_ttl_too_long() {
    // A hundred requests for each key within a second, and none later.
    let long = |builder: Builder<_, _, _>| builder.stale_after(Duration::from_secs(600));
    let advice = advice_for(100_000, long, (0..60_000).map(|request| request / 100));
    assert!(rules(&advice).contains(&Rule::TtlTooLong), "{advice:?}");
}

#[test]
fn key_with_most_requests_is_named_if_names_are_enabled() {
    let keys = zipf(0.8, 1_000, 20_000, 4).flat_map(|key| [7, key, 7]);
    let (cache, hands) = users(10_000, |builder| builder.hot_key_names(|key| format!("user {key}")));
    request_all(&cache, &hands, keys);
    let advice = cache.insight().advice();
    let hot = advice.iter().find(|advice| advice.rule == Rule::OneHotKey).expect("two thirds of the requests");
    assert!(hot.to_string().contains("user 7"), "{hot}");
    // By default no key is exported.
    let (cache, hands) = users(10_000, |builder| builder);
    request_all(&cache, &hands, zipf(0.8, 1_000, 20_000, 4).flat_map(|key| [4_711, key, 4_711]));
    let advice = cache.insight().advice();
    let hot = advice.iter().find(|advice| advice.rule == Rule::OneHotKey).expect("two thirds of the requests");
    assert!(!format!("{hot} {hot:?} {:?}", cache.insight().hot_keys()).contains("4711"), "{hot:?}");
}

#[test]
fn values_above_the_size_limit_are_reported() {
    let small = |builder: Builder<_, _, _>| builder.entry_size(|key| (*key % 10) as usize).entry_size_limit(7_u64);
    let advice = advice_for(10_000, small, zipf(0.8, 1_000, 20_000, 5));
    assert!(rules(&advice).contains(&Rule::ValuesTooLarge), "{advice:?}");
}

#[test]
fn keys_with_one_request_are_evicted_unread() {
    let keys = scan(100_000).map(|once| if once % 4 == 0 { once % 16 } else { 1_000_000 + once });
    let advice = advice_for(1_000, |builder| builder, keys);
    assert!(rules(&advice).contains(&Rule::EvictedUnread), "{advice:?}");
}

#[test]
fn store_slower_than_its_loads_is_not_worth_caching() {
    let (clock, hands) = Clock::manual();
    let (moves, looks) = (hands.clone(), hands);
    let load = move |key: u64| {
        moves.advance(Duration::from_micros(10));
        async move { key }
    };
    let slow = SingleEntry::on_get(move || looks.advance(Duration::from_micros(100)));
    let cache = cached("insight.worthless", load).clock(clock).hit_timing(HitTiming::Every).store(slow).build();
    for key in (0..4_000).map(|request| u64::from(request % 20 == 0)) {
        assert_eq!(cache.call(key).now_or_never(), Some(key));
    }
    let advice = cache.insight().advice();
    assert!(rules(&advice).contains(&Rule::NotWorthCaching), "{advice:?}");
}

#[test]
fn cached_errors_that_answer_many_requests_are_reported() {
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
fn many_concurrent_requests_during_a_load_are_a_stampede() {
    let (clock, hands) = Clock::manual();
    let moves = hands.clone();
    let load = move |key: u64| {
        let moves = moves.clone();
        async move {
            // Other requests arrive meanwhile.
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

/// By the machine's clock: coding a thousand numbers as JSON takes a hundred times as long as a look-up in a map.
#[test]
fn values_that_take_longer_to_code_than_to_store_are_reported() {
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
