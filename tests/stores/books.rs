//! One workload over every store: what it counts is the same, whatever the store.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use cachescope::{
    Builder, Cached, FileStore, IntoStore, LoadOutcome, Moka, QuickCache, Redis, RequestResult, Store, cached,
};
use cachescope_stack::Server;
use cachescope_tests::opened::open;

use crate::contract::{runtime, sqlite};

const KEYS: u64 = 50;
const TASKS: u64 = 8;
const ROUNDS: u64 = 10;

/// Every task asks for every key in every round; then some keys are dropped, and asked for again.
async fn work<S: Store<u64, String>>(cache: &Cached<u64, String, Infallible, S>) {
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
        task.await.unwrap();
    }
    (0..10).for_each(|key| cache.invalidate(&key));
    cache.flush().await.unwrap();
    for key in 0..20 {
        cache.call(key).await;
    }
    cache.insert(1_000, "inserted".to_owned());
    cache.flush().await.unwrap();
    assert_eq!(cache.call(1_000).await, "inserted");
}

async fn counts_the_same<C: IntoStore<u64, String>>(store: C) {
    let loads = Arc::new(AtomicU64::new(0));
    let counted = Arc::clone(&loads);
    let builder: Builder<u64, String, Infallible> = cached("stores.books", move |key: u64| {
        counted.fetch_add(1, Ordering::Relaxed);
        async move { format!("value {key}") }
    });
    let cache = builder.store(store).build();
    work(&cache).await;
    let stats = cache.metrics().stats();
    let results = RequestResult::ALL.map(|result| stats.result(result)).iter().sum::<u64>();
    assert_eq!((stats.requests(), stats.in_flight()), (results, 0));
    assert_eq!(stats.requests(), KEYS * TASKS * ROUNDS + 20 + 1);
    // Each key once, and the ten that were dropped once more.
    assert_eq!((stats.misses(), stats.loads(LoadOutcome::Loaded)), (KEYS + 10, KEYS + 10), "{stats}");
    assert_eq!(loads.load(Ordering::Relaxed), KEYS + 10);
    assert_eq!(stats.hits() + stats.coalesced(), stats.requests() - KEYS - 10);
    println!("{stats}");
}

#[test]
fn in_memory() {
    runtime().block_on(async {
        counts_the_same(Moka::with_capacity(1_000)).await;
        counts_the_same(QuickCache::with_capacity(1_000)).await;
    });
}

#[test]
fn in_files_and_sqlite() {
    let folder = tempfile::tempdir().unwrap();
    runtime().block_on(async {
        counts_the_same(FileStore::in_folder(folder.path())).await;
        counts_the_same(sqlite(folder.path()).await).await;
    });
}

fn in_server(server: &Server) {
    runtime().block_on(async { counts_the_same(open(server.url()).await.unwrap()).await });
}

#[test]
fn in_redis() {
    in_server(&Server::redis().unwrap());
}

#[test]
fn in_a_redis_cluster() {
    let cluster = Server::redis_cluster().unwrap();
    runtime().block_on(async { counts_the_same(Redis::connect_cluster(cluster.urls()).await.unwrap()).await });
}

#[test]
fn in_postgresql() {
    in_server(&Server::postgres().unwrap());
}

#[test]
fn in_mariadb() {
    in_server(&Server::mariadb().unwrap());
}

#[test]
fn over_mongodb_s_protocol() {
    in_server(&Server::mongodb().unwrap());
}
