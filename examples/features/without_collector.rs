//! A fleet without a collector: each process publishes its numbers in a store they share, any of them answers for all.

use std::time::Duration;

use cachescope::{FileStore, Fleet, cached};

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    // Redis or a database, where processes are on several machines.
    let folder = tempfile::tempdir()?;
    let fleet = Fleet::of("shop", FileStore::in_folder(folder.path())).instance("pod-1");
    let fleet = fleet.publish_every(Duration::from_secs(10)).join()?;

    let user = cached("user.by_id", |id: u64| async move { format!("user {id}") }).build();
    for id in 0..100 {
        user.call(id % 10).await;
    }

    // By itself it does so every ten seconds.
    fleet.publish().await?;
    let seen = fleet.stats().await?;
    println!("{seen}");
    for cache in seen.caches() {
        println!("{}: {} requests, {} hits", cache.cache, cache.stats.requests(), cache.stats.hits());
    }
    let all = seen.cache("user.by_id").expect("it was published");
    assert_eq!((seen.instances().len(), all.requests(), all.hits()), (1, 100, 90));

    // The last numbers; they stay until they age out.
    fleet.close().await?;
    Ok(())
}
