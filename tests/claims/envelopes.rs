//! A hundred thousand damaged envelopes: none decodes to another value, and none panics.

use std::time::{Duration, UNIX_EPOCH};

use cachescope_core::Clock;
use cachescope_core::shared::{Scope, Shared, StoredValue, Wire};
use cachescope_testing::InMemory;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Value {
    name: String,
    scores: Vec<f64>,
    parent: Option<Box<Value>>,
}

fn value(random: &mut StdRng, depth: u32) -> Value {
    let parent = (depth > 0 && random.random()).then(|| Box::new(value(random, depth - 1)));
    let name = (0..random.random_range(0..40)).map(|_| random.random_range('a'..='z')).collect();
    Value { name, scores: (0..random.random_range(0..20)).map(|_| random.random()).collect(), parent }
}

fn wire(compressed: bool) -> Wire<Value> {
    let shared = Shared::new(InMemory::new(Clock::system()));
    let shared = if compressed { shared.compress_above(16) } else { shared };
    shared.build::<u64, Value>("envelopes").expect("a scope that is short").wire
}

/// Changes bytes in the ways of disks, networks and other programs.
fn poison(bytes: &mut Vec<u8>, random: &mut StdRng) {
    for _ in 0..random.random_range(1..4) {
        let at = random.random_range(0..bytes.len().max(1));
        match random.random_range(0..7) {
            0 => bytes.truncate(at),
            1 if at < bytes.len() => bytes[at] ^= 1 << random.random_range(0..8),
            2 if at < bytes.len() => bytes[at] = random.random(),
            3 => bytes.insert(at.min(bytes.len()), random.random()),
            4 if at < bytes.len() => drop(bytes.remove(at)),
            5 if at < bytes.len() => {
                let to = (at + 8).min(bytes.len());
                bytes[at..to].fill(random.random());
            }
            _ => bytes.extend((0..random.random_range(1..30)).map(|_| random.random::<u8>())),
        }
    }
}

#[test]
fn damaged_envelopes_never_decode_to_another_value() {
    let mut random = StdRng::seed_from_u64(2_026);
    let scope = Scope::new("tests", "envelopes", 1).unwrap();
    let wires = [wire(false), wire(true)];
    let (mut refused, mut unchanged) = (0, 0);
    for round in 0_u64..100_000 {
        let key = scope.key(&(round % 100)).unwrap();
        let wire = &wires[(round % 2) as usize];
        let stored_at = UNIX_EPOCH + Duration::from_nanos(random.random_range(0..1 << 62));
        let cost = Duration::from_nanos(random.random_range(0..1 << 40));
        let stored = StoredValue { value: value(&mut random, 3), stored_at, fresh_until: None, cost };
        let sound = wire.encode(&key, &stored).unwrap();
        let mut bytes = sound.clone();
        match round % 10 {
            // Random bytes.
            0 => bytes = (0..random.random_range(0..200)).map(|_| random.random()).collect(),
            // The envelope of another key.
            1 => {
                let other = scope.key(&(round % 100 + 1)).unwrap();
                assert!(wire.decode(&other, &bytes).is_err());
                refused += 1;
                continue;
            }
            _ => poison(&mut bytes, &mut random),
        }
        match wire.decode(&key, &bytes) {
            Ok(decoded) => {
                assert_eq!(bytes, sound, "round {round}: changed bytes were decoded");
                assert_eq!(decoded, stored);
                unchanged += 1;
            }
            Err(_) => refused += 1,
        }
    }
    println!("{refused} refused, {unchanged} had been changed back to what they were");
    assert_eq!(refused + unchanged, 100_000);
    assert!(refused > 99_000, "{refused}");
}
