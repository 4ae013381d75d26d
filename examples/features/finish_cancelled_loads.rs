//! Problem: a caller times out, and its expensive load is cancelled and lost.
//! Solution: `finish_cancelled_loads` lets the load finish in the background; the next caller gets its value.

use std::time::Duration;

use cachescope::cached;
use cachescope::metrics::LoadOutcome;
use tokio::sync::Notify;

/// Ends the query: imagine a slow database here.
static DONE: Notify = Notify::const_new();

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let report = cached("report.by_year", |year: u64| async move {
        DONE.notified().await;
        format!("the report of {year}")
    })
    .finish_cancelled_loads(true)
    .build();

    let timed_out = tokio::time::timeout(Duration::from_millis(2), report.call(2026)).await;
    assert!(timed_out.is_err());
    println!("the first caller timed out, {} load is still running", report.metrics().stats().loads_active());
    // The load is a task of this runtime. It runs while this task waits.
    DONE.notify_one();
    println!("the second caller gets {}", report.call(2026).await);

    let stats = report.metrics().stats();
    assert_eq!((stats.cancelled(), stats.coalesced()), (1, 1));
    assert_eq!((stats.loads(LoadOutcome::Loaded), stats.loads(LoadOutcome::Cancelled)), (1, 0));
}
