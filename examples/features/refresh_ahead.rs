//! Problem: an entry expires, and the next request waits for the load.
//! Solution: `refresh_ahead` renews an entry that is in use in the background, before it expires.

use std::time::Duration;

use cachescope::metrics::LoadTrigger;
use cachescope::{Clock, cached};

#[tokio::main(flavor = "current_thread")]
async fn main() {
    // A clock that the example advances. Default: the system clock.
    let (clock, manual_clock) = Clock::manual();
    let read_at = clock.clone();
    let rate = cached("rate.by_currency", move |currency: &str| {
        let rate = format!("{currency} as of {} s", read_at.now().as_nanos() / 1_000_000_000);
        async move { rate }
    })
    .stale_after(Duration::from_secs(60))
    .refresh_ahead(Duration::from_secs(10))
    .clock(clock)
    .build();

    for second in (0..=180).step_by(5) {
        let answer = rate.call("EUR").await;
        // A renewal is a task of this runtime. It runs while this task yields.
        tokio::task::yield_now().await;
        if second % 30 == 0 {
            println!("at {second:>3} s: {answer}");
        }
        manual_clock.advance(Duration::from_secs(5));
    }

    let stats = rate.metrics().stats();
    let renewals = stats.load_duration_by(LoadTrigger::Refresh).count();
    println!(
        "{} requests, {} waited for a load, {renewals} renewals in the background",
        stats.requests(),
        stats.misses()
    );
    assert_eq!((stats.requests(), stats.misses(), stats.hits(), renewals), (37, 1, 36, 3));
}
