//! Problem: a load hangs, and every request that waits for its result hangs too.
//! Solution: `wait_for_load_timeout` limits the wait; after that a request loads by itself.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use cachescope::cached;
use cachescope::metrics::WaitOutcome;

static FIRST: AtomicBool = AtomicBool::new(true);

async fn report(id: u64) -> String {
    if FIRST.swap(false, Ordering::Relaxed) {
        // A connection that hangs.
        std::future::pending::<()>().await;
    }
    format!("report {id}")
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let reports = cached("report.by_id", report).wait_for_load_timeout(Duration::from_millis(50)).build();

    let hangs = tokio::spawn({
        let reports = reports.clone();
        async move { reports.call(7).await }
    });
    // Lets the first load start.
    tokio::task::yield_now().await;
    println!("{}", reports.call(7).await);
    println!("{}", reports.call(7).await);
    hangs.abort();
    assert!(hangs.await.is_err_and(|error| error.is_cancelled()));

    let stats = reports.metrics().stats();
    assert_eq!((stats.waits(WaitOutcome::Timeout), stats.misses(), stats.hits(), stats.cancelled()), (1, 1, 1, 1));
}
