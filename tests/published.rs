//! A fleet without a collector: processes publish in a store they share what they counted, and anybody adds it up.

use std::time::Duration;

use anyhow::{Result, ensure};
use cachescope::{Fleet, FleetStats, Stats, StoreErrorKind};
use cachescope_stack::{Server, eventually};
use cachescope_tests::member::Member;
use cachescope_tests::opened::open;
use tokio::runtime::Runtime;

/// Bounds a failure: who is gone is so for three intervals, 1.5 seconds.
const PATIENCE: Duration = Duration::from_secs(60);
const INTERVAL_MILLIS: u64 = 500;

struct Scene {
    server: Server,
    runtime: Runtime,
}

impl Scene {
    fn open(start: fn() -> Result<Server>) -> Result<Self> {
        Ok(Self { server: start()?, runtime: Runtime::new()? })
    }

    fn member(&self, name: &str) -> Result<Member> {
        Member::start(env!("CARGO_BIN_EXE_published"), self.server.url(), name, INTERVAL_MILLIS)
    }

    /// What the store answers to somebody who isn't of the fleet.
    fn seen(&self) -> Result<FleetStats> {
        self.runtime.block_on(async {
            let view = Fleet::of("tests", open(self.server.url()).await?).view()?;
            Ok(view.stats().await?)
        })
    }

    fn seen_once(&self, what: &str, so: impl Fn(&FleetStats) -> bool) -> Result<FleetStats> {
        eventually(what, PATIENCE, || self.seen(), so)
    }
}

/// Requests of `keys` keys, each twice; what it had counted when it published next.
fn counts(member: &mut Member, keys: u64) -> Result<Stats> {
    for key in (0..keys).chain(0..keys) {
        member.order(&format!("call {key}"))?;
        let said = member.line()?;
        ensure!(said == "called", "{said}");
    }
    member.order("publish")?;
    Ok(serde_json::from_str(&member.line()?)?)
}

fn names(seen: &FleetStats) -> Vec<(&str, bool)> {
    seen.instances().iter().map(|instance| (instance.name.as_str(), instance.ended)).collect()
}

fn adds_up_and_ages_out(start: fn() -> Result<Server>) -> Result<()> {
    let scene = Scene::open(start)?;
    let mut members = [scene.member("one")?, scene.member("two")?, scene.member("three")?];
    let counted = [counts(&mut members[0], 10)?, counts(&mut members[1], 20)?, counts(&mut members[2], 30)?];
    let seen = scene.seen()?;
    let all = seen.cache("fleet.squares").unwrap_or_else(|| panic!("{seen}"));
    let of = |stats: &Stats| (stats.requests(), stats.hits(), stats.misses(), stats.load_duration().count());
    assert_eq!(of(&all), (120, 60, 60, 60));
    let merged = counted[0].merge(&counted[1]).merge(&counted[2]);
    assert_eq!(of(&all), of(&merged));
    assert_eq!(all.load_duration(), merged.load_duration());
    assert_eq!(names(&seen), [("one", false), ("three", false), ("two", false)]);

    // One crashes, one ends, one starts anew under its name.
    members[0].kill()?;
    members[1].order("end")?;
    assert_eq!(members[1].line()?, "ended");
    let mut again = scene.member("one")?;
    counts(&mut again, 5)?;
    let two_left = |seen: &FleetStats| names(seen) == [("one", false), ("three", false)];
    let seen = scene.seen_once("who is gone ages out", two_left)?;
    assert_eq!(seen.total().map(|all| all.requests()), Some(70));
    assert!(seen.age().is_some_and(|age| age < PATIENCE));
    Ok(())
}

#[test]
fn over_redis() -> Result<()> {
    adds_up_and_ages_out(Server::redis)
}

#[test]
fn over_postgres() -> Result<()> {
    adds_up_and_ages_out(Server::postgres)
}

#[test]
fn over_mariadb() -> Result<()> {
    adds_up_and_ages_out(Server::mariadb)
}

#[test]
fn over_mongodbs_protocol() -> Result<()> {
    adds_up_and_ages_out(Server::mongodb)
}

#[test]
fn a_store_that_hangs_is_an_error_and_publishing_goes_on_when_it_is_back() -> Result<()> {
    let mut scene = Scene::open(Server::redis)?;
    let mut member = scene.member("one")?;
    counts(&mut member, 10)?;
    let store = scene.runtime.block_on(open(scene.server.url()))?;
    let view = Fleet::of("tests", store).timeout(Duration::from_millis(200)).view()?;
    scene.server.pause()?;
    let error = scene.runtime.block_on(view.stats()).unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Timeout);
    scene.server.resume()?;
    counts(&mut member, 10)?;
    let seen = scene.seen_once("it is back", |seen| seen.total().is_some_and(|all| all.requests() == 40))?;
    assert_eq!(names(&seen), [("one", false)]);
    Ok(())
}
