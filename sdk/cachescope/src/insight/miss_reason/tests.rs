//! Tests that compare miss reasons with an unbounded record of all events.

use std::collections::HashMap;
use std::thread;

use super::random::{SplitMix64, mix};
use super::*;

/// Removes the key for a reason drawn from `random`. Returns the reason that the next miss must have.
fn leave(reasons: &MissReasons, key: u64, random: &mut SplitMix64) -> MissReason {
    let (reason, expected) = match random.next_u64() % 8 {
        0 => (EvictionReason::Expired, MissReason::Expired),
        1 => (EvictionReason::Invalidated, MissReason::Invalidated),
        2 => {
            reasons.record_rejection(mix(key));
            return MissReason::Rejected;
        }
        _ => (EvictionReason::Size, MissReason::Evicted),
    };
    reasons.record_eviction(mix(key), reason);
    expected
}

#[test]
fn misses_are_cold_and_memory_is_free_before_the_first_eviction() {
    let reasons = MissReasons::new();
    assert_eq!(reasons.miss_reason(7), MissReason::Cold);
    reasons.record_eviction(7, EvictionReason::Invalidated);
    assert_eq!(reasons.miss_reason(7), MissReason::Invalidated);
    assert!(MissReasons::new().memory() < 64 && reasons.memory() < 4_096, "{}", reasons.memory());
    reasons.record_eviction(7, EvictionReason::Replaced);
    assert_eq!(reasons.miss_reason(7), MissReason::Invalidated);
    assert!(reasons.error().false_positive_rate < 1e-4 && reasons.error().forgotten_share == 0.0);
}

#[test]
fn last_event_of_a_key_decides_its_miss_reason() {
    type Event = (fn(&MissReasons, u64), MissReason);
    let events: [Event; 4] = [
        (|reasons, key| reasons.record_eviction(mix(key), EvictionReason::Size), MissReason::Evicted),
        (|reasons, key| reasons.record_eviction(mix(key), EvictionReason::Expired), MissReason::Expired),
        (|reasons, key| reasons.record_eviction(mix(key), EvictionReason::Invalidated), MissReason::Invalidated),
        (|reasons, key| reasons.record_rejection(mix(key)), MissReason::Rejected),
    ];
    // A few keys fit into a table. Many keys need a filter.
    for others in [0, 40_000] {
        let reasons = MissReasons::new();
        (0..others).for_each(|key| reasons.record_eviction(mix(1_000 + key), EvictionReason::Size));
        for (first, _) in events {
            for (second, reason) in events {
                first(&reasons, 1);
                second(&reasons, 1);
                assert_eq!(reasons.miss_reason(mix(1)), reason, "beside {others}");
            }
        }
    }
}

#[test]
fn miss_reasons_are_exact_for_few_keys() {
    let (reasons, mut random, mut expected) = (MissReasons::new(), SplitMix64::new(5), HashMap::new());
    for _ in 0..100_000 {
        let key = random.next_u64() % 6_000;
        expected.insert(key, leave(&reasons, key, &mut random));
    }
    // Two keys may agree in all 28 bits of their hashes that are used.
    let wrong = expected.iter().filter(|&(&key, &reason)| reasons.miss_reason(mix(key)) != reason).count();
    assert!(wrong <= 2, "{wrong} of {}", expected.len());
    let taken = (0..100_000).filter(|key| reasons.miss_reason(mix(1 << 40 | key)) != MissReason::Cold).count();
    assert!(taken < 200, "{taken} of 100,000 keys never seen");
}

#[test]
fn evicted_keys_are_never_cold_within_the_filters_capacity() {
    let reasons = MissReasons::new();
    let keys = 100_000;
    (0..keys).for_each(|key| reasons.record_eviction(mix(key), EvictionReason::Size));
    assert!((0..keys).all(|key| reasons.miss_reason(mix(key)) == MissReason::Evicted));
    let error = reasons.error();
    let taken = (0..keys).filter(|key| reasons.miss_reason(mix(1 << 40 | key)) != MissReason::Cold).count();
    let taken = taken as f64 / keys as f64;
    assert!(taken < 0.025 && (taken - error.false_positive_rate).abs() < 0.005, "{taken}, {error:?}");
    assert_eq!(error.forgotten_share, 0.0);
}

#[test]
fn clear_of_all_entries_is_remembered() {
    let reasons = MissReasons::new();
    (0..80_000).for_each(|key| reasons.record_eviction(mix(key), EvictionReason::Invalidated));
    assert!((0..80_000).all(|key| reasons.miss_reason(mix(key)) == MissReason::Invalidated));
}

#[test]
fn memory_is_bounded_and_forgotten_keys_are_reported_after_three_million_evictions() {
    let reasons = MissReasons::new();
    for key in 0..3_000_000_u64 {
        reasons.miss_reason(mix(key));
        reasons.record_eviction(mix(key), if key % 50 == 0 { EvictionReason::Expired } else { EvictionReason::Size });
    }
    assert!(reasons.memory() <= 135 << 10, "{}", reasons.memory());
    let error = reasons.error();
    assert!(error.forgotten_share > 0.9 && error.false_positive_rate < 0.05, "{error:?}");
}

/// Returns the share of correct reasons. Every request misses, and every key is evicted again.
fn right(reasons: &MissReasons, keys: impl Iterator<Item = u64>, is_known: bool) -> f64 {
    let (mut requests, mut right) = (0, 0);
    for key in keys {
        requests += 1;
        right += u64::from((reasons.miss_reason(mix(key)) == MissReason::Evicted) == is_known);
        reasons.record_eviction(mix(key), EvictionReason::Size);
    }
    right as f64 / requests as f64
}

#[test]
fn false_positives_are_few_in_a_scan_and_a_later_loop_is_recognised() {
    let reasons = MissReasons::new();
    let cold = right(&reasons, 0..2_000_000, false);
    assert!(cold > 0.985, "{cold}");
    let in_turn = |rounds: u64| (0..rounds * 180_000).map(|request| (1 << 40) | (request % 180_000));
    right(&reasons, in_turn(4), true);
    let known = right(&reasons, in_turn(2), true);
    assert!(known > 0.99, "{known}");
    // Another scan follows.
    right(&reasons, 3_000_000..4_000_000, false);
    let cold = right(&reasons, 4_000_000..5_000_000, false);
    assert!(cold > 0.98, "{cold}");
}

#[test]
fn concurrent_threads_lose_no_reasons() {
    let reasons = MissReasons::new();
    let of = |thread: u64| (0..5_000).map(move |nth| mix(thread << 32 | nth));
    thread::scope(|scope| {
        for nth in 0..4 {
            let reasons = &reasons;
            scope.spawn(move || {
                for hash in of(nth) {
                    reasons.record_eviction(hash, EvictionReason::Expired);
                    reasons.record_eviction(hash, EvictionReason::Size);
                    assert_eq!(reasons.miss_reason(hash), MissReason::Evicted);
                }
            });
        }
    });
    assert!((0..4).flat_map(of).all(|hash| reasons.miss_reason(hash) == MissReason::Evicted));
}
