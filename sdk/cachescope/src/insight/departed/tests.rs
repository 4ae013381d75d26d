//! What is remembered, against a memory of everything.

use std::collections::HashMap;
use std::thread;

use super::dice::{Dice, mix};
use super::*;

/// Lets the key leave, for a reason drawn by `dice`, and gives what a miss is to be told.
fn leave(departed: &Departed, key: u64, dice: &mut Dice) -> MissReason {
    let (reason, told) = match dice.roll() % 8 {
        0 => (EvictionReason::Expired, MissReason::Expired),
        1 => (EvictionReason::Invalidated, MissReason::Invalidated),
        2 => {
            departed.rejected(mix(key));
            return MissReason::Rejected;
        }
        _ => (EvictionReason::Size, MissReason::Evicted),
    };
    departed.left(mix(key), reason);
    told
}

#[test]
fn nothing_is_known_and_nothing_taken_until_something_leaves() {
    let departed = Departed::new();
    assert_eq!(departed.why(7), MissReason::Cold);
    departed.left(7, EvictionReason::Invalidated);
    assert_eq!(departed.why(7), MissReason::Invalidated);
    assert!(Departed::new().memory() < 64 && departed.memory() < 4_096, "{}", departed.memory());
    departed.left(7, EvictionReason::Replaced);
    assert_eq!(departed.why(7), MissReason::Invalidated);
    assert!(departed.error().taken_for_known < 1e-4 && departed.error().forgotten == 0.0);
}

#[test]
fn the_last_event_of_a_key_decides_for_each_pair_of_them() {
    type Event = (fn(&Departed, u64), MissReason);
    let events: [Event; 4] = [
        (|departed, key| departed.left(mix(key), EvictionReason::Size), MissReason::Evicted),
        (|departed, key| departed.left(mix(key), EvictionReason::Expired), MissReason::Expired),
        (|departed, key| departed.left(mix(key), EvictionReason::Invalidated), MissReason::Invalidated),
        (|departed, key| departed.rejected(mix(key)), MissReason::Rejected),
    ];
    // A few keys, which a table holds, and many, where a filter is used.
    for others in [0, 40_000] {
        let departed = Departed::new();
        (0..others).for_each(|key| departed.left(mix(1_000 + key), EvictionReason::Size));
        for (first, _) in events {
            for (second, reason) in events {
                first(&departed, 1);
                second(&departed, 1);
                assert_eq!(departed.why(mix(1)), reason, "beside {others}");
            }
        }
    }
}

#[test]
fn of_few_keys_every_last_event_is_known() {
    let (departed, mut dice, mut told) = (Departed::new(), Dice::of(5), HashMap::new());
    for _ in 0..100_000 {
        let key = dice.roll() % 6_000;
        told.insert(key, leave(&departed, key, &mut dice));
    }
    // Of 28 bits of their hashes two keys may have the same.
    let wrong = told.iter().filter(|&(&key, &reason)| departed.why(mix(key)) != reason).count();
    assert!(wrong <= 2, "{wrong} of {}", told.len());
    let taken = (0..100_000).filter(|key| departed.why(mix(1 << 40 | key)) != MissReason::Cold).count();
    assert!(taken < 200, "{taken} of 100,000 keys never seen");
}

#[test]
fn within_its_reach_it_never_calls_a_key_cold() {
    let departed = Departed::new();
    let keys = 100_000;
    (0..keys).for_each(|key| departed.left(mix(key), EvictionReason::Size));
    assert!((0..keys).all(|key| departed.why(mix(key)) == MissReason::Evicted));
    let doubt = departed.error();
    let taken = (0..keys).filter(|key| departed.why(mix(1 << 40 | key)) != MissReason::Cold).count();
    let taken = taken as f64 / keys as f64;
    assert!(taken < 0.025 && (taken - doubt.taken_for_known).abs() < 0.005, "{taken}, {doubt:?}");
    assert_eq!(doubt.forgotten, 0.0);
}

#[test]
fn a_clear_of_everything_is_remembered() {
    let departed = Departed::new();
    (0..80_000).for_each(|key| departed.left(mix(key), EvictionReason::Invalidated));
    assert!((0..80_000).all(|key| departed.why(mix(key)) == MissReason::Invalidated));
}

#[test]
fn three_million_departures_take_bounded_memory_and_it_says_that_it_forgot() {
    let departed = Departed::new();
    for key in 0..3_000_000_u64 {
        departed.why(mix(key));
        departed.left(mix(key), if key % 50 == 0 { EvictionReason::Expired } else { EvictionReason::Size });
    }
    assert!(departed.memory() <= 135 << 10, "{}", departed.memory());
    let doubt = departed.error();
    assert!(doubt.forgotten > 0.9 && doubt.taken_for_known < 0.05, "{doubt:?}");
}

/// The share of right answers to requests of keys that all miss, each of which leaves again.
fn right(departed: &Departed, keys: impl Iterator<Item = u64>, is_known: bool) -> f64 {
    let (mut asked, mut right) = (0, 0);
    for key in keys {
        asked += 1;
        right += u64::from((departed.why(mix(key)) == MissReason::Evicted) == is_known);
        departed.left(mix(key), EvictionReason::Size);
    }
    right as f64 / asked as f64
}

#[test]
fn in_a_scan_few_keys_are_taken_for_known_and_a_loop_after_it_is_recognised() {
    let departed = Departed::new();
    let cold = right(&departed, 0..2_000_000, false);
    assert!(cold > 0.985, "{cold}");
    let in_turn = |rounds: u64| (0..rounds * 180_000).map(|request| (1 << 40) | (request % 180_000));
    right(&departed, in_turn(4), true);
    let known = right(&departed, in_turn(2), true);
    assert!(known > 0.99, "{known}");
    // And another scan after that.
    right(&departed, 3_000_000..4_000_000, false);
    let cold = right(&departed, 4_000_000..5_000_000, false);
    assert!(cold > 0.98, "{cold}");
}

#[test]
fn threads_at_once_lose_nothing() {
    let departed = Departed::new();
    let of = |thread: u64| (0..5_000).map(move |nth| mix(thread << 32 | nth));
    thread::scope(|scope| {
        for nth in 0..4 {
            let departed = &departed;
            scope.spawn(move || {
                for hash in of(nth) {
                    departed.left(hash, EvictionReason::Expired);
                    departed.left(hash, EvictionReason::Size);
                    assert_eq!(departed.why(hash), MissReason::Evicted);
                }
            });
        }
    });
    assert!((0..4).flat_map(of).all(|hash| departed.why(hash) == MissReason::Evicted));
}
