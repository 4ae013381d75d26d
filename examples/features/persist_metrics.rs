//! Problem: a restart sets all metrics of a process back to zero. Solution: `persist_metrics` saves totals,
//! distributions and windows in a file, and the next process continues from it.

use std::time::Duration;

use cachescope::metrics::Persistence;
use cachescope::{Window, cached};

/// Runs a cache as one process would, from start to end. Returns the number of new requests.
#[tokio::main(flavor = "current_thread")]
async fn process(metrics: &std::path::Path) -> u64 {
    let squares = cached("math.squares", |n: u64| async move { n * n })
        .persist_metrics(Persistence::in_file(metrics).every(Duration::from_secs(60)))
        .build();
    for n in [1, 2, 2, 3] {
        squares.call(n).await;
    }
    let stats = squares.metrics().stats();
    println!("{stats}\n");
    assert_eq!(squares.metrics().window(Window::Hour).requests(), stats.requests());
    squares.close().await;
    stats.requests() - stats.restored()
}

fn main() {
    // Each cache needs its own path. A second process with the same path logs a warning, and waits until the first
    // ends.
    let path = std::env::temp_dir().join(format!("persist-metrics-{}.metrics", std::process::id()));
    let counted: u64 = (0..3).map(|_| process(&path)).sum();
    assert_eq!(counted, 12);
    std::fs::remove_file(&path).expect("the metrics were saved");
    std::fs::remove_file(path.with_extension("metrics.lock")).expect("the lock file stays");
}
