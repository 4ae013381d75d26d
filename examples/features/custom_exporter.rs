//! Two ways to a back end of one's own: numbers at intervals, and events as they happen.

use std::collections::HashMap;
use std::time::Duration;

use cachescope::{Event, Identity, LoadOutcome, MetricsSink, Observer, Snapshot, Stats, cached, send_metrics_to};

/// Writes what each cache counted since the last time.
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

/// Tells of each load that took long.
#[derive(Debug)]
struct SlowLoads(Duration);

impl Observer for SlowLoads {
    fn observe(&self, cache: &Identity, event: Event) {
        if let Event::Load { outcome: LoadOutcome::Loaded, duration, .. } = event
            && duration > self.0
        {
            println!("cache={} slow_load={duration:?}", cache.cache);
        }
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let load = |n: u64| async move {
        tokio::time::sleep(Duration::from_millis(n)).await;
        n * n
    };
    let squares = cached("math.squares", load).observer(SlowLoads(Duration::from_millis(5))).build();
    let sending = send_metrics_to(Lines::default(), Duration::from_secs(10));
    for n in [1, 10, 10] {
        squares.call(n).await;
    }
    // Sends once more.
    drop(sending);
}
