//! Events as they happen, for a back end of one's own.

use std::time::Duration;

use cachescope::{Event, Identity, LoadOutcome, Observer, cached};

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
    for n in [1, 10, 10] {
        squares.call(n).await;
    }
}
