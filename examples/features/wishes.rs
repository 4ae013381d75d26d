//! One request can ask for more than its key says.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use cachescope::{RequestResult, cached};

static CHANGES: AtomicU64 = AtomicU64::new(0);

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let stock = cached("stock.by_sku", |_: &str| async { CHANGES.fetch_add(1, Ordering::Relaxed) }).build();

    println!("whatever is there:     {}", stock.call("chair").await);
    println!("a minute old at most:  {}", stock.request("chair").max_age(Duration::from_secs(60)).await);
    println!("not out of the cache:  {}", stock.request("chair").bypass().await);
    println!("new, and for everyone: {}", stock.request("chair").overwrite().await);
    println!("what everyone gets:    {}", stock.call("chair").await);

    // What is known already needs no load, and what has changed is dropped.
    stock.insert("table", 40);
    assert_eq!(stock.call("table").await, 40);
    stock.invalidate("table");

    let stats = stock.metrics().stats();
    assert_eq!((stats.misses(), stats.hits(), stats.result(RequestResult::Bypass)), (1, 3, 2));
}
