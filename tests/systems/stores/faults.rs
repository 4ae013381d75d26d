//! Servers that are killed, restarted, paused and cut off during requests: every request succeeds, and all counts agree.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::Result;
use cachescope::metrics::{LoadOutcome, Operation, RequestOutcome, RequestResult, StoreErrorKind};
use cachescope::store::NoMemory;
use cachescope::{Cached, Shared, Stats, cached};
use cachescope_harness::Server;
use cachescope_tests::store::open;

use super::runtime;

const TASKS: u64 = 8;

/// A round takes less than the shorter TTL, even where a write takes 30 ms: otherwise no request would be a hit.
const KEYS: u64 = 60;
const TTL: Duration = Duration::from_secs(2);

/// For FerretDB, whose writes take milliseconds: with the shorter TTL it would be busy with writes alone.
const LONG_TTL: Duration = Duration::from_secs(60);

type Cache = Cached<u64, u64, Infallible, NoMemory>;

fn errors(stats: &Stats) -> u64 {
    let of = |kind| Operation::ALL.map(|operation| stats.store_errors(operation, kind)).iter().sum::<u64>();
    StoreErrorKind::ALL.map(of).iter().sum()
}

fn shared_hits(stats: &Stats) -> u64 {
    stats.ended(RequestOutcome::new(RequestResult::Hit).served_by_shared_store())
}

/// Waits until `so` returns `true` for the stats. Fails after 20 seconds.
async fn until(cache: &Cache, what: &str, so: impl Fn(&Stats) -> bool) {
    let begun = Instant::now();
    while !so(&cache.metrics().stats()) {
        assert!(begun.elapsed() < Duration::from_secs(20), "{what} never happened: {}", cache.metrics().stats());
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

async fn inject_faults(cache: &Cache, server: &mut Server) -> Result<()> {
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

fn fails_no_request(mut server: Server, ttl: Duration) -> Result<()> {
    runtime()?.block_on(async {
        let store = open(server.url()).await?;
        let shared = Shared::new(store)
            .timeout(Duration::from_millis(250))
            .circuit_breaker(5, Duration::from_millis(100))
            .lease(Duration::from_millis(500));
        let load = |key: u64| async move { key * 10 };
        let cache = cached("stores.faults", load).stale_after(ttl).store(shared).build();
        let (over, asked) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
        let tasks = (0..TASKS).map(|task| {
            let (cache, over, asked) = (cache.clone(), Arc::clone(&over), Arc::clone(&asked));
            tokio::spawn(async move {
                let mut key = task * 37;
                while !over.load(Ordering::Relaxed) {
                    key = (key + 1) % KEYS;
                    assert_eq!(cache.call(key).await, key * 10);
                    asked.fetch_add(1, Ordering::Relaxed);
                    // Yields after each answer, so that loads without a store don't starve the runtime's clock.
                    tokio::task::yield_now().await;
                }
            })
        });
        let tasks: Vec<_> = tasks.collect();
        inject_faults(&cache, &mut server).await?;
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

fn fails_no_request_under_load(server: Server) -> Result<()> {
    fails_no_request(server, TTL)
}

test_on_servers! { fails_no_request_under_load:
    faults_of_redis_fail_no_request => Server::redis,
    faults_of_postgresql_fail_no_request => Server::postgres,
    faults_of_mariadb_fail_no_request => Server::mariadb,
}

#[test]
fn faults_of_a_mongodb_server_fail_no_request() -> Result<()> {
    fails_no_request(Server::mongodb()?, LONG_TTL)
}
