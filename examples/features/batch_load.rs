//! Problem: a list of keys becomes one query for each missing key.
//! Solution: `batch_load` loads all missing keys of a `get_many` with one query.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};

use cachescope::cached;

static QUERIES: AtomicU64 = AtomicU64::new(0);

async fn query(id: u64) -> String {
    QUERIES.fetch_add(1, Ordering::Relaxed);
    format!("user {id}")
}

/// Imagine `SELECT … WHERE id IN (…)` here.
async fn query_all(ids: Vec<u64>) -> HashMap<u64, String> {
    QUERIES.fetch_add(1, Ordering::Relaxed);
    ids.into_iter().filter(|id| *id < 1_000).map(|id| (id, format!("user {id}"))).collect()
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let user = cached("user.by_id", query).batch_load(query_all).build();
    user.call(1).await;
    let users = user.get_many([1, 2, 3, 4, 5_000]).await;
    let mut names: Vec<_> = users.values().cloned().collect();
    names.sort();
    println!("{} queries gave {names:?}", QUERIES.load(Ordering::Relaxed));

    let stats = user.metrics().stats();
    println!("{} hit, {} misses, {} coalesced", stats.hits(), stats.misses(), stats.coalesced());
    // The batch counts as the miss of one key; its other keys are coalesced with that miss.
    assert_eq!((stats.requests(), stats.hits(), stats.misses(), stats.coalesced()), (6, 1, 2, 3));
    assert_eq!((QUERIES.load(Ordering::Relaxed), users.len()), (2, 4));
}
