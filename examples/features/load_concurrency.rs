//! Problem: the source can run only two queries at a time.
//! Solution: `load_concurrency` limits concurrent loads; other loads queue, and the waits are measured.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use cachescope::cached;
use cachescope::metrics::WaitOutcome;
use futures_util::future::join_all;

static RUNNING: AtomicU64 = AtomicU64::new(0);
static MOST: AtomicU64 = AtomicU64::new(0);

async fn query(id: u64) -> u64 {
    MOST.fetch_max(RUNNING.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
    tokio::time::sleep(Duration::from_millis(5)).await;
    RUNNING.fetch_sub(1, Ordering::SeqCst);
    id * 2
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let doubled = cached("doubled", query).load_concurrency(2).build();
    let answers = join_all((0..10).map(|id| doubled.call(id))).await;
    assert_eq!(answers, (0..10).map(|id| id * 2).collect::<Vec<_>>());

    let stats = doubled.metrics().stats();
    let queued = stats.wait_duration(WaitOutcome::Admitted);
    println!("{} loads, at most {} at a time", stats.misses(), MOST.load(Ordering::SeqCst));
    println!("{} requests queued, the longest for {:?}", queued.count(), queued.max());
    assert_eq!((MOST.load(Ordering::SeqCst), queued.count()), (2, 8));
}
