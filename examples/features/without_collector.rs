//! Problem: a fleet has no collector, and each process knows only its own numbers.
//! Solution: `Fleet` publishes the stats of each process in a shared store, and adds up the stats of all processes.

use std::time::Duration;

use cachescope::fleet::Fleet;
use cachescope::{FileStore, cached};

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    // Processes on several machines use Redis or a database.
    let folder = tempfile::tempdir()?;
    let fleet = Fleet::new("shop", FileStore::in_folder(folder.path())).instance("pod-1");
    let fleet = fleet.publish_every(Duration::from_secs(10)).join()?;

    let user = cached("user.by_id", |id: u64| async move { format!("user {id}") }).build();
    for id in 0..100 {
        user.call(id % 10).await;
    }

    // Happens every ten seconds in the background; this publishes at once.
    fleet.publish().await?;
    let stats = fleet.stats().await?;
    println!("{stats}");
    for cache in stats.caches() {
        println!("{}: {} requests, {} hits", cache.cache, cache.stats.requests(), cache.stats.hits());
    }
    let all = stats.cache("user.by_id").expect("the stats were published");
    assert_eq!((stats.instances().len(), all.requests(), all.hits()), (1, 100, 90));

    // Publishes the last stats, which stay in the store until they expire.
    fleet.close().await?;
    Ok(())
}
