//! A fleet without a collector: processes publish their stats in a shared store, and any process adds them up.

use std::time::Duration;

use anyhow::{Result, ensure};
use cachescope::Stats;
use cachescope::fleet::{Fleet, FleetStats};
use cachescope::metrics::StoreErrorKind;
use cachescope_harness::{Server, eventually};
use cachescope_tests::program::Program;
use cachescope_tests::store::open;
use tokio::runtime::Runtime;

use crate::start;

/// Bounds a failure: an instance counts as gone after three intervals, 1.5 seconds.
const PATIENCE: Duration = Duration::from_secs(60);
const INTERVAL_MILLIS: &str = "500";

struct Scene {
    url: String,
    runtime: Runtime,
}

impl Scene {
    fn at(url: &str) -> Result<Self> {
        Ok(Self { url: url.to_owned(), runtime: Runtime::new()? })
    }

    fn member(&self, name: &str) -> Result<Program> {
        start(env!("CARGO_BIN_EXE_publisher"), &[&self.url, name, INTERVAL_MILLIS])
    }

    /// The stats of the fleet, as read by a process outside of it.
    fn seen(&self) -> Result<FleetStats> {
        self.runtime.block_on(async {
            let view = Fleet::new("tests", open(&self.url).await?).view()?;
            Ok(view.stats().await?)
        })
    }

    fn seen_once(&self, what: &str, so: impl Fn(&FleetStats) -> bool) -> Result<FleetStats> {
        eventually(what, PATIENCE, || self.seen(), so)
    }
}

/// Requests `keys` keys twice each, and publishes. Returns the stats of the process.
fn counts(member: &mut Program, keys: u64) -> Result<Stats> {
    for key in (0..keys).chain(0..keys) {
        member.order(&format!("call {key}"))?;
        let line = member.line()?;
        ensure!(line == "called", "{line}");
    }
    member.order("publish")?;
    Ok(serde_json::from_str(&member.line()?)?)
}

fn names(seen: &FleetStats) -> Vec<(&str, bool)> {
    seen.instances().iter().map(|instance| (instance.name.as_str(), instance.ended)).collect()
}

fn adds_up_and_expires(url: &str) -> Result<()> {
    let scene = Scene::at(url)?;
    let mut members = [scene.member("one")?, scene.member("two")?, scene.member("three")?];
    let counted = [counts(&mut members[0], 10)?, counts(&mut members[1], 20)?, counts(&mut members[2], 30)?];
    // Each has published. An instance that is late appears again.
    let seen = scene.seen_once("all of them are there", |seen| names(seen).len() == 3)?;
    let all = seen.cache("fleet.squares").unwrap_or_else(|| panic!("{seen}"));
    let of = |stats: &Stats| (stats.requests(), stats.hits(), stats.misses(), stats.load_duration().count());
    assert_eq!(of(&all), (120, 60, 60, 60));
    let merged = counted[0].merge(&counted[1]).merge(&counted[2]);
    assert_eq!(of(&all), of(&merged));
    assert_eq!(all.load_duration(), merged.load_duration());
    assert_eq!(names(&seen), [("one", false), ("three", false), ("two", false)]);

    // One crashes, one ends, and one starts again under the name of the first.
    members[0].kill()?;
    members[1].order("end")?;
    assert_eq!(members[1].line()?, "ended");
    ensure!(names(&scene.seen()?).contains(&("two", true)), "its last stats are those of an instance that has ended");
    let mut again = scene.member("one")?;
    counts(&mut again, 5)?;
    let two_left = |seen: &FleetStats| names(seen) == [("one", false), ("three", false)];
    let seen = scene.seen_once("missing instances expire", two_left)?;
    assert_eq!(seen.total().map(|all| all.requests()), Some(70));
    assert!(seen.age().is_some_and(|age| age < PATIENCE));
    Ok(())
}

fn adds_up_and_expires_on(server: Server) -> Result<()> {
    adds_up_and_expires(server.url())
}

test_on_servers! { adds_up_and_expires_on:
    fleet_adds_up_and_missing_instances_expire_over_redis => Server::redis,
    fleet_adds_up_and_missing_instances_expire_over_postgresql => Server::postgres,
    fleet_adds_up_and_missing_instances_expire_over_mariadb => Server::mariadb,
    fleet_adds_up_and_missing_instances_expire_over_mongodb_protocol => Server::mongodb,
}

#[test]
fn fleet_adds_up_and_missing_instances_expire_over_sqlite() -> Result<()> {
    let folder = tempfile::tempdir()?;
    adds_up_and_expires(&format!("sqlite://{}/fleet.db?mode=rwc", folder.path().display()))
}

#[test]
fn fleet_adds_up_and_missing_instances_expire_over_files() -> Result<()> {
    let folder = tempfile::tempdir()?;
    adds_up_and_expires(&format!("file://{}", folder.path().display()))
}

#[test]
fn hanging_store_is_an_error_and_publishing_continues_after_it() -> Result<()> {
    let mut server = Server::redis()?;
    let scene = Scene::at(server.url())?;
    let mut member = scene.member("one")?;
    counts(&mut member, 10)?;
    let store = scene.runtime.block_on(open(server.url()))?;
    let view = Fleet::new("tests", store).timeout(Duration::from_millis(200)).view()?;
    server.pause()?;
    let error = scene.runtime.block_on(view.stats()).unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Timeout);
    server.resume()?;
    counts(&mut member, 10)?;
    let seen = scene.seen_once("it is back", |seen| seen.total().is_some_and(|all| all.requests() == 40))?;
    assert_eq!(names(&seen), [("one", false)]);
    Ok(())
}
