//! Problem: an entry expires, and requests wait for a slow load. Solution: `serve_stale_for` answers with the expired
//! value at once and refreshes it in the background (stale-while-revalidate).

use std::time::Duration;

use cachescope::metrics::RequestResult;
use cachescope::{Clock, cached};

#[tokio::main(flavor = "current_thread")]
async fn main() {
    // A clock that the example advances. Default: the system clock.
    let (clock, manual_clock) = Clock::manual();
    let read_at = clock.clone();
    let weather = cached("weather.by_city", move |city: &str| {
        let report = format!("{city}, {} s after the start", read_at.now().as_nanos() / 1_000_000_000);
        async move { report }
    })
    .stale_after(Duration::from_secs(60))
    .serve_stale_for(Duration::from_secs(600))
    .clock(clock)
    .build();

    println!("loaded:  {}", weather.call("Oslo").await);
    manual_clock.advance(Duration::from_secs(90));
    println!("stale:   {}", weather.call("Oslo").await);
    // The refresh is a task of this runtime. It runs while this task yields.
    tokio::task::yield_now().await;
    println!("renewed: {}", weather.call("Oslo").await);

    let stats = weather.metrics().stats();
    assert_eq!((stats.misses(), stats.result(RequestResult::Stale), stats.hits()), (1, 1, 1));
}
