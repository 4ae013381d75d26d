//! Request coalescing over processes: many processes make one load, and another one if the loading process dies.

use anyhow::Result;
use cachescope_harness::Server;
use cachescope_tests::program::Program;

use crate::start;

const PROCESSES: usize = 4;
const TASKS: u64 = 50;

fn members(url: &str, lease_millis: &str) -> Result<Vec<Program>> {
    (0..PROCESSES).map(|_| start(env!("CARGO_BIN_EXE_member"), &[url, "plain", lease_millis])).collect()
}

/// Makes a burst of requests for a cold key in all processes. Returns their values, and the number of loads.
fn burst(members: &mut [Program]) -> Result<(Vec<String>, u64)> {
    for member in &mut *members {
        member.order(&format!("burst 7 {TASKS}"))?;
    }
    let answers: Vec<_> = members.iter().map(Program::answer).collect::<Result<_>>()?;
    let loads = answers.iter().map(|(_, loads)| loads).sum();
    Ok((answers.into_iter().map(|(values, _)| values).collect(), loads))
}

fn one_load(server: &Server) -> Result<()> {
    let mut members = members(server.url(), "10000")?;
    let (values, loads) = burst(&mut members)?;
    assert_eq!(loads, 1);
    assert!(values.iter().all(|value| *value == values[0]), "{values:?}");
    let (mut misses, mut others, mut loaded) = (0, 0, 0);
    for member in &mut members {
        member.order("counts")?;
        let (counts, _) = member.answer()?;
        let counts: Vec<u64> = counts.split(' ').map(str::parse).collect::<Result<_, _>>()?;
        // A late process finds the value, which is a hit of the shared store.
        (misses, others, loaded) = (misses + counts[1], others + counts[0] + counts[2], loaded + counts[3]);
    }
    assert_eq!((misses, others, loaded), (1, PROCESSES as u64 * TASKS - 1, 1));
    Ok(())
}

/// Kills the loading process; at most `most` others load then.
fn two_loads_if_the_first_dies(server: &Server, most: u64) -> Result<()> {
    let mut members = members(server.url(), "2000")?;
    let mut dying = members.remove(0);
    dying.order(&format!("burst 8 {TASKS}"))?;
    assert_eq!(dying.line()?, "loading");
    for member in &mut members {
        member.order(&format!("burst 8 {TASKS}"))?;
    }
    dying.kill()?;
    let answers: Vec<_> = members.iter().map(Program::answer).collect::<Result<_>>()?;
    let loads = answers.iter().map(|(_, loads)| loads).sum::<u64>();
    assert!((1..=most).contains(&loads), "{loads} after the first, which died");
    if loads == 1 {
        assert!(answers.iter().all(|(value, _)| *value == answers[0].0), "{answers:?}");
    }
    Ok(())
}

fn prove(server: Server) -> Result<()> {
    one_load(&server)?;
    two_loads_if_the_first_dies(&server, 1)
}

test_on_servers! { prove:
    one_process_loads_and_another_if_it_dies_over_redis => Server::redis,
    one_process_loads_and_another_if_it_dies_over_postgresql => Server::postgres,
    one_process_loads_and_another_if_it_dies_over_mariadb => Server::mariadb,
}

/// FerretDB changes a document in two steps: each process that waits for an expired lease may get it. MongoDB changes a
/// document in one step.
#[test]
fn one_process_loads_and_others_if_it_dies_over_mongodb_protocol() -> Result<()> {
    let server = Server::mongodb()?;
    one_load(&server)?;
    two_loads_if_the_first_dies(&server, PROCESSES as u64 - 1)
}
