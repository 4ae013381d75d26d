//! One workload over every store: the counts are the same.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::Result;
use cachescope::metrics::{LoadOutcome, RequestResult};
use cachescope::shared::ByteStore;
use cachescope::store::{IntoStore, KeyEncoding, Store};
use cachescope::{Builder, Cached, FileStore, Moka, QuickCache, Redis, Shared, cached};
use cachescope_harness::Server;
use cachescope_tests::store::open;

use super::{runtime, sqlite};

const KEYS: u64 = 50;
const TASKS: u64 = 8;
const ROUNDS: u64 = 10;

/// Bounds a failure. A slow disk must not end an operation or a lease: a request that follows would load again.
const PATIENCE: Duration = Duration::from_secs(60);

fn patient<B: ByteStore>(store: B) -> Shared<B> {
    Shared::new(store).timeout(PATIENCE).lease(PATIENCE)
}

/// Requests every key in every round of every task. Then some keys are invalidated and requested again.
async fn work<S: Store<u64, String, KeyEncoding: KeyEncoding<u64>>>(
    cache: &Cached<u64, String, Infallible, S>,
) -> Result<()> {
    let tasks = (0..TASKS).map(|task| {
        let cache = cache.clone();
        tokio::spawn(async move {
            for request in 0..KEYS * ROUNDS {
                let key = (request + task * 7) % KEYS;
                assert_eq!(cache.call(key).await, format!("value {key}"));
            }
        })
    });
    for task in tasks.collect::<Vec<_>>() {
        task.await?;
    }
    (0..10).for_each(|key| cache.invalidate(&key));
    cache.flush().await?;
    for key in 0..20 {
        cache.call(key).await;
    }
    cache.insert(1_000, "inserted".to_owned());
    cache.flush().await?;
    assert_eq!(cache.call(1_000).await, "inserted");
    Ok(())
}

async fn counts_the_same<C>(store: C) -> Result<()>
where
    C: IntoStore<u64, String, Store: Store<u64, String, KeyEncoding: KeyEncoding<u64>>>,
{
    let loads = Arc::new(AtomicU64::new(0));
    let counted = Arc::clone(&loads);
    let builder: Builder<u64, String, Infallible> = cached("stores.books", move |key: u64| {
        counted.fetch_add(1, Ordering::Relaxed);
        async move { format!("value {key}") }
    });
    let cache = builder.store(store).build();
    work(&cache).await?;
    let stats = cache.metrics().stats();
    let results = RequestResult::ALL.map(|result| stats.result(result)).iter().sum::<u64>();
    assert_eq!((stats.requests(), stats.in_flight()), (results, 0));
    assert_eq!(stats.requests(), KEYS * TASKS * ROUNDS + 20 + 1);
    // Each key once, and the ten invalidated keys once more.
    assert_eq!((stats.misses(), stats.loads(LoadOutcome::Loaded)), (KEYS + 10, KEYS + 10), "{stats}");
    assert_eq!(loads.load(Ordering::Relaxed), KEYS + 10);
    assert_eq!(stats.hits() + stats.coalesced(), stats.requests() - KEYS - 10);
    println!("{stats}");
    Ok(())
}

#[test]
fn counts_are_exact_in_memory() -> Result<()> {
    runtime()?.block_on(async {
        counts_the_same(Moka::with_capacity(1_000)).await?;
        counts_the_same(QuickCache::with_capacity(1_000)).await
    })
}

#[test]
fn counts_are_exact_over_files_and_sqlite() -> Result<()> {
    let folder = tempfile::tempdir()?;
    runtime()?.block_on(async {
        counts_the_same(patient(FileStore::in_folder(folder.path()))).await?;
        counts_the_same(patient(sqlite(folder.path()).await?)).await
    })
}

#[test]
fn counts_are_exact_over_a_redis_cluster() -> Result<()> {
    let cluster = Server::redis_cluster()?;
    runtime()?.block_on(async { counts_the_same(patient(Redis::connect_cluster(cluster.urls()).await?)).await })
}

fn on_server(server: Server) -> Result<()> {
    runtime()?.block_on(async { counts_the_same(patient(open(server.url()).await?)).await })
}

test_on_servers! { on_server:
    counts_are_exact_over_redis => Server::redis,
    counts_are_exact_over_postgresql => Server::postgres,
    counts_are_exact_over_mariadb => Server::mariadb,
    counts_are_exact_over_mongodb_protocol => Server::mongodb,
}
