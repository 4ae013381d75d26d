//! Calls from several threads: each key is loaded once, the first call builds the cache, and every hit is counted.

use std::sync::Barrier;
use std::sync::atomic::{AtomicUsize, Ordering};

use cachescope::cached;

static LOADS: AtomicUsize = AtomicUsize::new(0);

#[cached]
async fn loaded(id: u64) -> u64 {
    LOADS.fetch_add(1, Ordering::Relaxed);
    tokio::task::yield_now().await;
    id
}

#[derive(Clone)]
struct Loader;

impl Loader {
    #[cached]
    async fn loaded(&self, id: u64) -> u64 {
        loaded::uncached(id).await
    }
}

const THREADS: u64 = 8;
const CALLS: u64 = 1_000;

#[test]
fn threads_share_cache() {
    let barrier = Barrier::new(THREADS as usize);
    std::thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
                barrier.wait();
                runtime.block_on(async {
                    for id in 0..CALLS {
                        assert_eq!((loaded(id % 10).await, Loader.loaded(id % 10).await), (id % 10, id % 10));
                    }
                });
            });
        }
    });
    assert_eq!(LOADS.load(Ordering::Relaxed), 20);
    for stats in [loaded::cache().metrics().stats(), Loader::loaded_cache().metrics().stats()] {
        assert_eq!(stats.misses(), 10);
        assert_eq!(stats.requests(), THREADS * CALLS);
    }
}

#[cached]
async fn spawned(id: u64) -> u64 {
    id
}

impl Loader {
    #[cached]
    async fn spawned(&self, id: u64) -> u64 {
        id
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_can_be_spawned() {
    let (plain, method) = (tokio::spawn(spawned(1)), tokio::spawn(async { Loader.spawned(1).await }));
    assert_eq!((plain.await.unwrap(), method.await.unwrap()), (1, 1));
}
