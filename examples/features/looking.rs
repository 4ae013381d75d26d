//! Looking into a cache, with and without being counted.

use std::time::Duration;

use cachescope::{Clock, RequestResult, cached};

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let (clock, hands) = Clock::manual();
    let price = cached("price.by_id", |id: u64| async move { id * 100 })
        .stale_after(Duration::from_secs(60))
        .clock(clock)
        .build();

    println!("at first: {:?}", price.get_if_present(&7));
    price.insert(7, 650);
    hands.advance(Duration::from_secs(45));
    println!("inserted: {:?}", price.get_if_present(&7));
    let recent = price.request(7).max_age(Duration::from_secs(30)).only_if_cached().await;
    println!("in the last half minute: {recent:?}");

    let seen = price.entry(&7).expect("it is there");
    println!("{} for {:?}, and fresh for {:?} more", seen.value, seen.age, seen.remaining);
    assert_eq!((seen.age.as_secs(), seen.remaining), (45, Some(Duration::from_secs(15))));

    let stats = price.metrics().stats();
    assert_eq!((stats.hits(), stats.result(RequestResult::Absent), stats.requests()), (1, 2, 3));
    assert_eq!(stats.misses(), 0, "nothing was loaded");
}
