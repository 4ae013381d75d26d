//! Two processes, each with memory before one Redis: what one drops, the other doesn't serve for long.

use std::time::{Duration, Instant};

use cachescope_stack::Server;
use cachescope_tests::member::Member;

const ROUNDS: u32 = 20;

fn member(server: &Server, mode: &str, life: u64) -> Member {
    Member::start(env!("CARGO_BIN_EXE_member"), server.url(), mode, life).unwrap()
}

fn call(member: &mut Member, key: u32) -> u64 {
    member.order(&format!("call {key}")).unwrap();
    member.answer().unwrap().0.parse().unwrap()
}

/// How long after one dropped a key the other served what it had in memory of it, for several keys.
fn behind(one: &mut Member, other: &mut Member) -> Vec<Duration> {
    let mut times = Vec::new();
    for key in 0..ROUNDS {
        let value = call(one, key);
        assert_eq!(call(other, key), value);
        // Once more: by now it is in memory also if listening has only just begun.
        assert_eq!(call(other, key), value);
        let begun = Instant::now();
        one.order(&format!("invalidate {key}")).unwrap();
        other.order(&format!("until_not {key} {value}")).unwrap();
        let (answer, loads) = other.answer().unwrap();
        // With it goes the load that followed.
        times.push(begun.elapsed().saturating_sub(Duration::from_millis(300)));
        assert_ne!(answer.split(' ').next().unwrap(), value.to_string());
        assert_eq!((loads, one.answer().unwrap().0.as_str()), (1, "flushed"));
    }
    times.sort_unstable();
    times
}

#[test]
fn what_one_process_drops_the_other_stops_serving_as_it_is_announced() {
    let server = Server::redis().unwrap();
    // Had memory to end by its own life, that would take five minutes.
    let (mut one, mut other) = (member(&server, "tiered", 300_000), member(&server, "tiered", 300_000));
    let times = behind(&mut one, &mut other);
    println!("announced: median {:?}, longest {:?}", times[times.len() / 2], times[times.len() - 1]);
    assert!(times[times.len() - 1] < Duration::from_secs(60));
}

#[test]
fn without_announcements_memory_is_behind_for_no_longer_than_its_life() {
    let server = Server::redis().unwrap();
    let life = Duration::from_millis(500);
    let (mut one, mut deaf) = (member(&server, "tiered", 300_000), member(&server, "deaf", 500));
    let times = behind(&mut one, &mut deaf);
    println!("not announced: median {:?}, longest {:?}", times[times.len() / 2], times[times.len() - 1]);
    // A busy machine takes its time for the load as well, which isn't the memory's.
    assert!(times[times.len() / 2] < life + Duration::from_millis(250), "{times:?}");
}
