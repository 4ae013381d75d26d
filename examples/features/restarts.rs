//! Metrics that go on over restarts: totals, distributions and windows of earlier processes are still there.

use std::time::Duration;

use cachescope::{Persistence, Window, cached};

/// A process, from its start to its end.
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
    // One path a cache; a second process that is given it waits, with a warning, until the first is gone.
    let path = std::env::temp_dir().join(format!("restarts-{}.metrics", std::process::id()));
    let counted: u64 = (0..3).map(|_| process(&path)).sum();
    assert_eq!(counted, 12);
    std::fs::remove_file(&path).expect("it was saved");
    std::fs::remove_file(path.with_extension("metrics.lock")).expect("the lock outlives its owner");
}
