//! Problem: you want the numbers of all caches at intervals, without OpenTelemetry.
//! Solution: `send_metrics_to` with your own `MetricsSink`.

use std::collections::HashMap;
use std::time::Duration;

use cachescope::metrics::{MetricsSink, Snapshot, send_metrics_to};
use cachescope::{Stats, cached};

/// Prints the counts of each cache since the last interval.
#[derive(Default)]
struct Lines(HashMap<String, Stats>);

impl MetricsSink for Lines {
    fn send(&mut self, caches: &[Snapshot]) {
        for Snapshot { cache, stats, .. } in caches {
            let before = self.0.insert(cache.clone(), stats.clone());
            let since = before.map_or_else(|| stats.clone(), |before| stats.since(&before));
            println!("cache={cache} hits={} misses={}", since.hits(), since.misses());
        }
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let price = cached("shop.price", |id: u64| async move { id * 100 }).build();
    let guard = send_metrics_to(Lines::default(), Duration::from_secs(10));
    for id in [1, 2, 1, 1] {
        price.call(id).await;
    }
    // Sends the last numbers.
    drop(guard);
}
