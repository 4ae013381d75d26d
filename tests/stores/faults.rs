//! Servers that are killed, restarted, stopped and cut off while requests come: every one is answered, and the books
//! balance.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::Result;
use cachescope::{
    Cached, Ending, LoadOutcome, NoMemory, Operation, RequestResult, Shared, Stats, StoreErrorKind, cached,
};
use cachescope_stack::Server;
use cachescope_tests::opened::open;

use crate::contract::runtime;

const TASKS: u64 = 8;

/// What is asked of a server: so many keys, each loaded and stored anew once it isn't fresh any more.
struct Demand {
    keys: u64,
    fresh: Duration,
}

const MUCH: Demand = Demand { keys: 300, fresh: Duration::from_secs(2) };

/// For FerretDB, whose writes take milliseconds: asked more, it would be busy with what is stored alone.
const LITTLE: Demand = Demand { keys: 60, fresh: Duration::from_secs(60) };

type Cache = Cached<u64, u64, Infallible, NoMemory>;

fn errors(stats: &Stats) -> u64 {
    let of = |kind| Operation::ALL.map(|operation| stats.store_errors(operation, kind)).iter().sum::<u64>();
    StoreErrorKind::ALL.map(of).iter().sum()
}

fn shared_hits(stats: &Stats) -> u64 {
    stats.ended(Ending::of(RequestResult::Hit).from_shared_store())
}

/// Waits until requests have made something so, with a limit that only what is broken reaches.
async fn until(cache: &Cache, what: &str, so: impl Fn(&Stats) -> bool) {
    let begun = Instant::now();
    while !so(&cache.metrics().stats()) {
        assert!(begun.elapsed() < Duration::from_secs(20), "{what} never came: {}", cache.metrics().stats());
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

async fn serves_again(cache: &Cache, what: &str) {
    let hits = shared_hits(&cache.metrics().stats());
    until(cache, what, |stats| shared_hits(stats) > hits + 200).await;
}

async fn fails(cache: &Cache, what: &str) {
    let (failed, requests) = (errors(&cache.metrics().stats()), cache.metrics().stats().requests());
    until(cache, what, |stats| errors(stats) > failed + 20 && stats.requests() > requests + 200).await;
}

async fn mistreat(cache: &Cache, server: &mut Server) -> Result<()> {
    serves_again(cache, "service").await;
    server.kill()?;
    fails(cache, "an error of a killed server").await;
    server.restart()?;
    serves_again(cache, "service after a restart").await;
    server.pause()?;
    fails(cache, "an error of a stopped server").await;
    server.resume()?;
    serves_again(cache, "service after a stop").await;
    server.reset_connections();
    serves_again(cache, "service after a reset").await;
    Ok(())
}

fn costs_no_answer(mut server: Server, Demand { keys, fresh }: Demand) -> Result<()> {
    runtime()?.block_on(async {
        let store = open(server.url()).await?;
        let shared = Shared::new(store)
            .timeout(Duration::from_millis(250))
            .breaker(5, Duration::from_millis(100))
            .lease(Duration::from_millis(500));
        let load = |key: u64| async move { key * 10 };
        let cache = cached("stores.faults", load).stale_after(fresh).store(shared).build();
        let (over, asked) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
        let tasks = (0..TASKS).map(|task| {
            let (cache, over, asked) = (cache.clone(), Arc::clone(&over), Arc::clone(&asked));
            tokio::spawn(async move {
                let mut key = task * 37;
                while !over.load(Ordering::Relaxed) {
                    key = (key + 1) % keys;
                    assert_eq!(cache.call(key).await, key * 10);
                    asked.fetch_add(1, Ordering::Relaxed);
                    // Each answer a look at the clock of the runtime, so that loads without a store don't starve it.
                    tokio::task::yield_now().await;
                }
            })
        });
        let tasks: Vec<_> = tasks.collect();
        mistreat(&cache, &mut server).await?;
        over.store(true, Ordering::Relaxed);
        for task in tasks {
            task.await?;
        }
        let stats = cache.metrics().stats();
        let results = RequestResult::ALL.map(|result| stats.result(result)).iter().sum::<u64>();
        assert_eq!((stats.requests(), stats.in_flight()), (results, 0));
        assert_eq!(stats.requests(), asked.load(Ordering::Relaxed));
        assert_eq!(stats.misses(), stats.loads(LoadOutcome::Loaded));
        assert_eq!((stats.loads_active(), stats.waits_active()), (0, 0));
        println!("{stats}");
        Ok(())
    })
}

#[test]
fn of_redis() -> Result<()> {
    costs_no_answer(Server::redis()?, MUCH)
}

#[test]
fn of_postgresql() -> Result<()> {
    costs_no_answer(Server::postgres()?, MUCH)
}

#[test]
fn of_mariadb() -> Result<()> {
    costs_no_answer(Server::mariadb()?, MUCH)
}

#[test]
fn of_mongodb_s_protocol() -> Result<()> {
    costs_no_answer(Server::mongodb()?, LITTLE)
}
