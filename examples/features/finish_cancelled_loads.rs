//! An impatient caller goes away; the dear load it began goes on, and the next caller has its value.

use std::time::Duration;

use cachescope::{LoadOutcome, cached};

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let report = cached("report.by_year", |year: u64| async move {
        tokio::time::sleep(Duration::from_millis(20)).await;
        format!("the report of {year}")
    })
    .finish_cancelled_loads(true)
    .build();

    let impatient = tokio::time::timeout(Duration::from_millis(2), report.call(2026)).await;
    assert!(impatient.is_err());
    println!("the first caller went away, {} load goes on", report.metrics().stats().loads_active());
    println!("the second has {}", report.call(2026).await);

    let stats = report.metrics().stats();
    assert_eq!((stats.cancelled(), stats.coalesced()), (1, 1));
    assert_eq!((stats.loads(LoadOutcome::Loaded), stats.loads(LoadOutcome::Cancelled)), (1, 0));
}
