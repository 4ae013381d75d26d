//! A fleet without a collector: processes publish in a store they share what they counted, and anybody adds it up.

use std::sync::Mutex;
use std::time::Duration;

use anyhow::{Result, ensure};
use cachescope::{Cached, Clock, FileStore, Fleet, FleetStats, HitTiming, Stats, StoreErrorKind, try_cached};
use cachescope_stack::{Server, eventually};
use cachescope_tests::member::Member;
use cachescope_tests::opened::open;
use futures_util::FutureExt;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use tokio::runtime::Runtime;

/// Bounds a failure: who is gone is so for three intervals, 1.5 seconds.
const PATIENCE: Duration = Duration::from_secs(60);
const INTERVAL_MILLIS: u64 = 500;

struct Scene {
    url: String,
    runtime: Runtime,
}

impl Scene {
    fn at(url: &str) -> Result<Self> {
        Ok(Self { url: url.to_owned(), runtime: Runtime::new()? })
    }

    fn member(&self, name: &str) -> Result<Member> {
        Member::start(env!("CARGO_BIN_EXE_published"), &self.url, name, INTERVAL_MILLIS)
    }

    /// What the store answers to somebody who isn't of the fleet.
    fn seen(&self) -> Result<FleetStats> {
        self.runtime.block_on(async {
            let view = Fleet::of("tests", open(&self.url).await?).view()?;
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

fn adds_up_and_ages_out(url: &str) -> Result<()> {
    let scene = Scene::at(url)?;
    let mut members = [scene.member("one")?, scene.member("two")?, scene.member("three")?];
    let counted = [counts(&mut members[0], 10)?, counts(&mut members[1], 20)?, counts(&mut members[2], 30)?];
    // Each has published; should one have been late since, it comes back.
    let seen = scene.seen_once("all of them are there", |seen| names(seen).len() == 3)?;
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
    ensure!(names(&scene.seen()?).contains(&("two", true)), "its last numbers are those of one that has ended");
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
    adds_up_and_ages_out(Server::redis()?.url())
}

#[test]
fn over_postgres() -> Result<()> {
    adds_up_and_ages_out(Server::postgres()?.url())
}

#[test]
fn over_mariadb() -> Result<()> {
    adds_up_and_ages_out(Server::mariadb()?.url())
}

#[test]
fn over_mongodbs_protocol() -> Result<()> {
    adds_up_and_ages_out(Server::mongodb()?.url())
}

#[test]
fn over_sqlite() -> Result<()> {
    let folder = tempfile::tempdir()?;
    adds_up_and_ages_out(&format!("sqlite://{}/fleet.db?mode=rwc", folder.path().display()))
}

#[test]
fn over_files() -> Result<()> {
    let folder = tempfile::tempdir()?;
    adds_up_and_ages_out(&format!("file://{}", folder.path().display()))
}

#[test]
fn a_store_that_hangs_is_an_error_and_publishing_goes_on_when_it_is_back() -> Result<()> {
    let mut server = Server::redis()?;
    let scene = Scene::at(server.url())?;
    let mut member = scene.member("one")?;
    counts(&mut member, 10)?;
    let store = scene.runtime.block_on(open(server.url()))?;
    let view = Fleet::of("tests", store).timeout(Duration::from_millis(200)).view()?;
    server.pause()?;
    let error = scene.runtime.block_on(view.stats()).unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Timeout);
    server.resume()?;
    counts(&mut member, 10)?;
    let seen = scene.seen_once("it is back", |seen| seen.total().is_some_and(|all| all.requests() == 40))?;
    assert_eq!(names(&seen), [("one", false)]);
    Ok(())
}

/// Requests that end in most ways there are, and whose loads take from a microsecond to ten seconds.
fn busy(number: u64) -> Cached<u64, u64, &'static str> {
    let (clock, hands) = Clock::manual();
    let (moves, took) = (hands.clone(), Mutex::new(StdRng::seed_from_u64(number)));
    let load = move |key: u64| {
        let power = took.lock().map_or(0.0, |mut random| random.random_range(-6.0..1.0));
        moves.advance(Duration::from_secs_f64(10_f64.powf(power)));
        async move { if key.is_multiple_of(5) { Err("on purpose") } else { Ok(key) } }
    };
    let cache = try_cached(format!("size.{number}"), load)
        .stale_after(Duration::from_secs(30))
        .serve_stale_for(Duration::from_secs(3_600))
        .serve_stale_on_error(Duration::from_secs(7_200))
        .hit_timing(HitTiming::Every)
        .clock(clock)
        .build();
    let mut random = StdRng::seed_from_u64(!number);
    for _ in 0..5_000 {
        let key = random.random_range(0..4);
        match random.random_range(0..10) {
            0 => drop(cache.try_request(key).bypass().into_future().now_or_never()),
            1 => drop(cache.get_if_present(&key)),
            2 => cache.invalidate(&key),
            _ => drop(cache.try_call(key).now_or_never()),
        }
        hands.advance(Duration::from_millis(random.random_range(0..9_000)));
    }
    cache
}

/// How many bytes this process publishes, and how many they are before they are compressed.
fn size() -> Result<(usize, usize)> {
    let folder = tempfile::tempdir()?;
    Runtime::new()?.block_on(async {
        let member = Fleet::of("size", FileStore::in_folder(folder.path())).join()?;
        member.publish().await?;
        let json = serde_json::to_vec(&member.stats().await?.instances()[0].caches)?.len();
        let bytes = member.publishing().bytes;
        member.close().await?;
        Ok((bytes, json))
    })
}

/// What the documentation of `Fleet` says. The only caches of this process are this test's.
#[test]
fn what_is_published_is_no_larger_than_is_said() -> Result<()> {
    let one = busy(0);
    let (compressed, json) = size()?;
    println!("a busy cache: {json} bytes, compressed {compressed}");
    assert!(json <= 10_000 && compressed <= 3_000, "{json} {compressed}");
    let more: Vec<_> = (1..100).map(busy).collect();
    let (compressed, json) = size()?;
    println!("a hundred: {json} bytes, compressed {compressed}");
    assert!(json <= 1_000_000 && compressed <= 200_000, "{json} {compressed}");
    drop((one, more));
    Ok(())
}
