//! Two processes, each with memory before one Redis: what one drops, the other doesn't serve for long.

use std::time::{Duration, Instant};

use anyhow::Result;
use cachescope_stack::Server;
use cachescope_tests::member::Member;

const ROUNDS: u32 = 20;

fn member(server: &Server, mode: &str, life: u64) -> Result<Member> {
    Member::start(env!("CARGO_BIN_EXE_member"), server.url(), mode, life)
}

fn call(member: &mut Member, key: u32) -> Result<u64> {
    member.order(&format!("call {key}"))?;
    Ok(member.answer()?.0.parse()?)
}

/// How long after one dropped a key the other served what it had in memory of it, for several keys.
fn behind(one: &mut Member, other: &mut Member) -> Result<Vec<Duration>> {
    let mut times = Vec::new();
    for key in 0..ROUNDS {
        let value = call(one, key)?;
        assert_eq!(call(other, key)?, value);
        // Once more: by now it is in memory also if listening has only just begun.
        assert_eq!(call(other, key)?, value);
        let begun = Instant::now();
        one.order(&format!("invalidate {key}"))?;
        other.order(&format!("until_not {key} {value}"))?;
        let (answer, loads) = other.answer()?;
        // With it goes the load that followed.
        times.push(begun.elapsed().saturating_sub(Duration::from_millis(300)));
        assert_ne!(answer.split(' ').next(), Some(value.to_string().as_str()));
        assert_eq!((loads, one.answer()?.0.as_str()), (1, "flushed"));
    }
    times.sort_unstable();
    Ok(times)
}

#[test]
fn what_one_process_drops_the_other_stops_serving_as_it_is_announced() -> Result<()> {
    let server = Server::redis()?;
    // Had memory to end by its own life, that would take five minutes.
    let (mut one, mut other) = (member(&server, "tiered", 300_000)?, member(&server, "tiered", 300_000)?);
    let times = behind(&mut one, &mut other)?;
    println!("announced: median {:?}, longest {:?}", times[times.len() / 2], times[times.len() - 1]);
    assert!(times[times.len() - 1] < Duration::from_secs(60));
    Ok(())
}

#[test]
fn without_announcements_memory_is_behind_for_no_longer_than_its_life() -> Result<()> {
    let server = Server::redis()?;
    let life = Duration::from_millis(500);
    let (mut one, mut deaf) = (member(&server, "tiered", 300_000)?, member(&server, "deaf", 500)?);
    let times = behind(&mut one, &mut deaf)?;
    println!("not announced: median {:?}, longest {:?}", times[times.len() / 2], times[times.len() - 1]);
    // A busy machine takes its time for the load as well, which isn't the memory's.
    assert!(times[times.len() / 2] < life + Duration::from_millis(250), "{times:?}");
    Ok(())
}
