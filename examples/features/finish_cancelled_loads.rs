//! An impatient caller goes away; the dear load it began goes on, and the next caller has its value.

use std::time::Duration;

use cachescope::{LoadOutcome, cached};
use tokio::sync::Notify;

/// Says when the database is done: a time, in earnest.
static DONE: Notify = Notify::const_new();

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let report = cached("report.by_year", |year: u64| async move {
        DONE.notified().await;
        format!("the report of {year}")
    })
    .finish_cancelled_loads(true)
    .build();

    let impatient = tokio::time::timeout(Duration::from_millis(2), report.call(2026)).await;
    assert!(impatient.is_err());
    println!("the first caller went away, {} load goes on", report.metrics().stats().loads_active());
    // The load is a task of this runtime's: it ends once this one waits for it.
    DONE.notify_one();
    println!("the second has {}", report.call(2026).await);

    let stats = report.metrics().stats();
    assert_eq!((stats.cancelled(), stats.coalesced()), (1, 1));
    assert_eq!((stats.loads(LoadOutcome::Loaded), stats.loads(LoadOutcome::Cancelled)), (1, 0));
}
