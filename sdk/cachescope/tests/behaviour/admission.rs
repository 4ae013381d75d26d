//! The admission of values.

use cachescope::cached;
use cachescope::metrics::RejectionReason;
use futures_util::FutureExt;

#[test]
fn refused_value_reaches_its_caller_and_is_not_stored() {
    let cache = cached("admission.refused", |n: u64| async move { n }).cache_if(|n| n % 2 == 0).build();
    for _ in 0..3 {
        assert_eq!(cache.call(1).now_or_never(), Some(1));
        assert_eq!(cache.call(2).now_or_never(), Some(2));
    }
    let stats = cache.metrics().stats();
    assert_eq!((stats.misses(), stats.hits()), (4, 2));
    assert_eq!(stats.rejections(RejectionReason::Refused), 3);
    assert_eq!(stats.usage().entries, 1);
}

#[test]
fn too_large_value_reaches_its_caller_and_is_not_stored() {
    let load = |n: usize| async move { "x".repeat(n) };
    let cache = cached("admission.large", load).entry_size(String::len).entry_size_limit(100).build();
    for n in [100, 101, 100, 101] {
        assert_eq!(cache.call(n).now_or_never().map(|text| text.len()), Some(n));
    }
    let stats = cache.metrics().stats();
    assert_eq!((stats.misses(), stats.hits()), (3, 1));
    assert_eq!(stats.rejections(RejectionReason::TooLarge), 2);
    assert_eq!((stats.entry_size().count(), stats.entry_size().sum()), (1, 100));
}

#[test]
fn size_of_every_stored_value_is_recorded() {
    let load = |n: usize| async move { "x".repeat(n) };
    let cache = cached("admission.sizes", load).cache_if(|text| text.len() != 5).entry_size(String::len).build();
    for n in [1, 2, 5, 1] {
        cache.call(n).now_or_never().unwrap();
    }
    cache.insert(3, "x".repeat(6));
    cache.insert(4, "x".repeat(5));
    let stats = cache.metrics().stats();
    assert_eq!((stats.entry_size().count(), stats.entry_size().sum(), stats.entry_size().max()), (3, 9, 6));
    assert_eq!(stats.entry_size().p50(), Some(2));

    let unmeasured = cached("admission.unmeasured", load).build();
    unmeasured.call(1).now_or_never().unwrap();
    assert_eq!(unmeasured.metrics().stats().entry_size().count(), 0);
}

#[test]
fn size_limit_requires_size_function() {
    let limited = cached("admission.unknown", |n: u64| async move { n }).entry_size_limit(100);
    assert!(limited.try_build().unwrap_err().to_string().contains("add .entry_size("));
}

#[test]
fn none_is_stored_unless_disallowed() {
    let load = |n: u64| async move { (n > 10).then_some(n) };
    let (keeps, refuses) = (cached("none.kept", load).build(), cached("none.refused", load).allow_none(false).build());
    for _ in 0..2 {
        assert_eq!((keeps.call(1).now_or_never(), refuses.call(1).now_or_never()), (Some(None), Some(None)));
    }
    assert_eq!((keeps.metrics().stats().hits(), refuses.metrics().stats().hits()), (1, 0));
}

#[test]
fn conditions_hold_together_in_any_order() {
    let load = |n: u64| async move { (n > 10).then_some(n) };
    let builder = || cached("conditions", load);
    for cache in [
        builder().cache_if(|n| *n != Some(13)).allow_none(false).cache_if(|n| *n != Some(14)).build(),
        builder().allow_none(false).cache_if(|n| *n != Some(14)).cache_if(|n| *n != Some(13)).build(),
    ] {
        for key in [1, 13, 14, 15, 1, 13, 14, 15] {
            cache.call(key).now_or_never().unwrap();
        }
        let stats = cache.metrics().stats();
        assert_eq!((stats.hits(), stats.misses(), stats.usage().entries), (1, 7, 1), "{stats}");
    }
    let allowed = builder().allow_none(false).allow_none(true).build();
    allowed.call(1).now_or_never().unwrap();
    assert_eq!(allowed.metrics().stats().usage().entries, 1);
}
