//! An entry past its time answers at once, and is renewed behind the request.

use std::time::Duration;

use cachescope::{Clock, RequestResult, cached};

#[tokio::main(flavor = "current_thread")]
async fn main() {
    // A clock that the example moves; leave it out and the system's is used.
    let (clock, hands) = Clock::manual();
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
    hands.advance(Duration::from_secs(90));
    println!("stale:   {}", weather.call("Oslo").await);
    // The refresh is a task of this runtime's: it runs when this one lets it.
    tokio::task::yield_now().await;
    println!("renewed: {}", weather.call("Oslo").await);

    let stats = weather.metrics().stats();
    assert_eq!((stats.misses(), stats.result(RequestResult::Stale), stats.hits()), (1, 1, 1));
}
