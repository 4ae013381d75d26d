//! Problem: you want to look into a cache without loading, for a health check or an admin page.
//! Solution: `get_if_present` and `only_if_cached` are counted as requests; `peek` isn't counted.

use std::time::Duration;

use cachescope::metrics::RequestResult;
use cachescope::{Clock, cached};

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let (clock, manual_clock) = Clock::manual();
    let price = cached("price.by_id", |id: u64| async move { id * 100 })
        .stale_after(Duration::from_secs(60))
        .clock(clock)
        .build();

    println!("empty cache: {:?}", price.get_if_present(&7));
    price.insert(7, 650);
    manual_clock.advance(Duration::from_secs(45));
    println!("inserted: {:?}", price.get_if_present(&7));
    let recent = price.request(7).max_age(Duration::from_secs(30)).only_if_cached().await;
    println!("at most 30 s old: {recent:?}");

    let entry = price.peek(&7).expect("the entry was inserted");
    println!("{} is {:?} old, and fresh for another {:?}", entry.value, entry.age, entry.remaining);
    assert_eq!((entry.age.as_secs(), entry.remaining), (45, Some(Duration::from_secs(15))));

    let stats = price.metrics().stats();
    assert_eq!((stats.hits(), stats.result(RequestResult::Absent), stats.requests()), (1, 2, 3));
    assert_eq!(stats.misses(), 0, "nothing was loaded");
}
