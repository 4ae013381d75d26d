//! Problem: you want each event of a cache as it happens, for your own metrics backend or log.
//! Solution: `observer` registers an `Observer`, which the cache calls for every event.

use std::time::Duration;

use cachescope::cached;
use cachescope::metrics::{Event, LoadOutcome, Observer};
use cachescope::store::CacheIdentity;

/// Prints each slow load.
#[derive(Debug)]
struct SlowLoads(Duration);

impl Observer for SlowLoads {
    fn observe(&self, cache: &CacheIdentity, event: Event) {
        if let Event::Load { outcome: LoadOutcome::Loaded, duration, .. } = event
            && duration > self.0
        {
            println!("cache={} slow_load={duration:?}", cache.name);
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
    for n in [1, 10, 10] {
        squares.call(n).await;
    }
}
