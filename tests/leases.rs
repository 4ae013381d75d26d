//! A stampede over processes is one load; a process that dies while it loads is followed by one other.

use anyhow::Result;
use cachescope_stack::Server;
use cachescope_tests::member::Member;

const PROCESSES: usize = 4;
const TASKS: u64 = 50;

fn members(url: &str, lease: u64) -> Result<Vec<Member>> {
    let start = |_| Member::start(env!("CARGO_BIN_EXE_member"), url, "plain", lease);
    (0..PROCESSES).map(start).collect()
}

/// What each said of a burst on one cold key, and the loads that began in all of them.
fn burst(members: &mut [Member]) -> Result<(Vec<String>, u64)> {
    for member in &mut *members {
        member.order(&format!("burst 7 {TASKS}"))?;
    }
    let answers: Vec<_> = members.iter_mut().map(Member::answer).collect::<Result<_>>()?;
    let loads = answers.iter().map(|(_, loads)| loads).sum();
    Ok((answers.into_iter().map(|(values, _)| values).collect(), loads))
}

fn one_load(server: &Server) -> Result<()> {
    let mut members = members(server.url(), 10_000)?;
    let (values, loads) = burst(&mut members)?;
    assert_eq!(loads, 1);
    assert!(values.iter().all(|value| *value == values[0]), "{values:?}");
    let (mut misses, mut others, mut loaded) = (0, 0, 0);
    for member in &mut members {
        member.order("books")?;
        let (books, _) = member.answer()?;
        let books: Vec<u64> = books.split(' ').map(str::parse).collect::<Result<_, _>>()?;
        // A process that comes late finds the value: a hit of the shared store.
        (misses, others, loaded) = (misses + books[1], others + books[0] + books[2], loaded + books[3]);
    }
    assert_eq!((misses, others, loaded), (1, PROCESSES as u64 * TASKS - 1, 1));
    Ok(())
}

/// `most` is how many load after it.
fn two_loads_if_the_first_dies(server: &Server, most: u64) -> Result<()> {
    let mut members = members(server.url(), 2_000)?;
    let mut dying = members.remove(0);
    dying.order(&format!("burst 8 {TASKS}"))?;
    assert_eq!(dying.line()?, "loading");
    for member in &mut members {
        member.order(&format!("burst 8 {TASKS}"))?;
    }
    dying.kill()?;
    let answers: Vec<_> = members.iter_mut().map(Member::answer).collect::<Result<_>>()?;
    let loads = answers.iter().map(|(_, loads)| loads).sum::<u64>();
    assert!((1..=most).contains(&loads), "{loads} after the first, which died");
    if loads == 1 {
        assert!(answers.iter().all(|(value, _)| *value == answers[0].0), "{answers:?}");
    }
    Ok(())
}

fn proves(server: &Server) -> Result<()> {
    one_load(server)?;
    two_loads_if_the_first_dies(server, 1)
}

#[test]
fn in_redis_one_process_loads_and_another_if_that_dies() -> Result<()> {
    proves(&Server::redis()?)
}

#[test]
fn in_postgresql_one_process_loads_and_another_if_that_dies() -> Result<()> {
    proves(&Server::postgres()?)
}

#[test]
fn in_mariadb_one_process_loads_and_another_if_that_dies() -> Result<()> {
    proves(&Server::mariadb()?)
}

/// FerretDB changes a document in two steps: of those who wait for a lease whose term is over, each may be granted it.
/// MongoDB does so in one.
#[test]
fn over_mongodb_s_protocol_one_process_loads_and_others_if_that_dies() -> Result<()> {
    let server = Server::mongodb()?;
    one_load(&server)?;
    two_loads_if_the_first_dies(&server, PROCESSES as u64 - 1)
}
