//! Problem: one request needs a newer value than the others, or must not use the cache.
//! Solution: `request(key)` takes options: `max_age`, `bypass`, `overwrite` and `only_if_cached`.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use cachescope::cached;
use cachescope::metrics::RequestResult;

static CHANGES: AtomicU64 = AtomicU64::new(0);

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let stock = cached("stock.by_sku", |_: &str| async { CHANGES.fetch_add(1, Ordering::Relaxed) }).build();

    println!("default:               {}", stock.call("chair").await);
    println!("at most a minute old:  {}", stock.request("chair").max_age(Duration::from_secs(60)).await);
    println!("bypassing the cache:   {}", stock.request("chair").bypass().await);
    println!("loaded and stored:     {}", stock.request("chair").overwrite().await);
    println!("default, afterwards:   {}", stock.call("chair").await);

    // `insert` stores a known value without a load, and `invalidate` drops a value that has changed.
    stock.insert("table", 40);
    assert_eq!(stock.call("table").await, 40);
    stock.invalidate("table");

    let stats = stock.metrics().stats();
    assert_eq!((stats.misses(), stats.hits(), stats.result(RequestResult::Bypass)), (1, 3, 2));
}
