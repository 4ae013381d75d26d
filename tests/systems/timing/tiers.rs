//! Two processes with memory in front of one Redis: after an invalidation in one, the other soon stops serving the entry.

use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use cachescope_harness::Server;
use cachescope_tests::program::Program;

const ROUNDS: u32 = 20;

fn member(server: &Server, mode: &str, ttl_millis: &str) -> Result<Program> {
    let member = Program::start(Command::new(env!("CARGO_BIN_EXE_member")).args([server.url(), mode, ttl_millis]))?;
    let line = member.line()?;
    ensure!(line == "ready", "expected `ready`, got {line:?}");
    Ok(member)
}

fn call(member: &mut Program, key: u32) -> Result<u64> {
    member.order(&format!("call {key}"))?;
    Ok(member.answer()?.0.parse()?)
}

/// The times for which `other` served an entry from memory after `one` invalidated it, for several keys.
fn staleness(one: &mut Program, other: &mut Program) -> Result<Vec<Duration>> {
    let mut times = Vec::new();
    for key in 0..ROUNDS {
        let value = call(one, key)?;
        assert_eq!(call(other, key)?, value);
        // Once more: now it is in memory also if listening began late.
        assert_eq!(call(other, key)?, value);
        let begun = Instant::now();
        one.order(&format!("invalidate {key}"))?;
        other.order(&format!("until_not {key} {value}"))?;
        let (answer, loads) = other.answer()?;
        // Without the time of the load that followed.
        times.push(begun.elapsed().saturating_sub(Duration::from_millis(300)));
        assert_ne!(answer.split(' ').next(), Some(value.to_string().as_str()));
        assert_eq!((loads, one.answer()?.0.as_str()), (1, "flushed"));
    }
    times.sort_unstable();
    Ok(times)
}

#[test]
fn invalidation_in_one_process_reaches_the_memory_of_another() -> Result<()> {
    let server = Server::redis()?;
    // The TTL of the memory is five minutes.
    let (mut one, mut other) = (member(&server, "tiered", "300000")?, member(&server, "tiered", "300000")?);
    let times = staleness(&mut one, &mut other)?;
    println!("announced: median {:?}, longest {:?}", times[times.len() / 2], times[times.len() - 1]);
    assert!(times[times.len() - 1] < Duration::from_secs(60));
    Ok(())
}

#[test]
fn memory_is_stale_for_at_most_its_ttl_without_invalidations() -> Result<()> {
    let server = Server::redis()?;
    let life = Duration::from_millis(500);
    let (mut one, mut deaf) = (member(&server, "tiered", "300000")?, member(&server, "deaf", "500")?);
    let times = staleness(&mut one, &mut deaf)?;
    println!("not announced: median {:?}, longest {:?}", times[times.len() / 2], times[times.len() - 1]);
    // On a busy machine the load takes longer too, which isn't the memory's fault.
    assert!(times[times.len() / 2] < life + Duration::from_millis(250), "{times:?}");
    Ok(())
}
