//! Problem: data changes, and the cache still has the old value. Solution: `invalidate` drops one entry,
//! `invalidate_if` and `invalidate_tag` drop several, `clear` drops all. `clear_in_flight` gives up on loads that hang.

use std::sync::atomic::{AtomicBool, Ordering};

use cachescope::cached;
use cachescope::metrics::EvictionReason;
use futures_util::FutureExt as _;

static HANGS: AtomicBool = AtomicBool::new(false);

#[derive(Clone)]
struct Product {
    shop: &'static str,
    cents: u64,
}

async fn query(id: u64) -> Product {
    if HANGS.load(Ordering::Relaxed) {
        std::future::pending::<()>().await;
    }
    Product { shop: if id.is_multiple_of(2) { "books" } else { "games" }, cents: id * 100 }
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let product = cached("product.by_id", query)
        .tags(|_, product: &Product| [format!("shop:{}", product.shop)])
        // Tags may contain data, so telemetry shows tags only with `export_tags`, and at most 100 here.
        .export_tags(100)
        .build();
    for id in 0..100 {
        product.call(id).await;
    }
    let entries = || product.metrics().stats().usage().entries;

    product.invalidate(&1);
    println!("without one: {}", entries());
    let expensive = product.invalidate_if(|_, product| product.cents >= 9_000);
    println!("without the {expensive} expensive ones: {}", entries());
    let games = product.invalidate_tag("shop:games");
    println!("without the {games} games: {}", entries());
    assert_eq!((expensive, games, entries()), (10, 44, 45));
    product.clear();
    println!("without any: {}", entries());
    assert_eq!((entries(), product.metrics().stats().evictions(EvictionReason::Invalidated)), (0, 100));

    HANGS.store(true, Ordering::Relaxed);
    let mut hangs = Box::pin(product.call(7));
    assert!((&mut hangs).now_or_never().is_none());
    HANGS.store(false, Ordering::Relaxed);
    // A request would now wait for that load, and never end.
    product.clear_in_flight();
    println!("despite a load that hangs: {} cents", product.call(7).await.cents);
    drop(hangs);
    let stats = product.metrics().stats();
    assert_eq!((entries(), stats.misses(), stats.coalesced(), stats.cancelled()), (1, 101, 0, 1));
}
