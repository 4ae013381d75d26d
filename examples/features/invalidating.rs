//! Dropping one entry, those that match, those of a tag, and all; and forgetting a load that hangs.

use std::sync::atomic::{AtomicBool, Ordering};

use cachescope::{EvictionReason, cached};
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
        // Tags may be made of data, so telemetry names them only where it is told to, and so many at most.
        .count_tags(100)
        .build();
    for id in 0..100 {
        product.call(id).await;
    }
    let left = || product.metrics().stats().levels().entries;

    product.invalidate(&1);
    println!("without one: {}", left());
    let dear = product.invalidate_if(|_, product| product.cents >= 9_000);
    println!("without the {dear} dear ones: {}", left());
    let games = product.invalidate_tag("shop:games");
    println!("without the {games} games: {}", left());
    assert_eq!((dear, games, left()), (10, 44, 45));
    product.clear();
    println!("without any: {}", left());
    assert_eq!((left(), product.metrics().stats().evictions(EvictionReason::Invalidated)), (0, 100));

    HANGS.store(true, Ordering::Relaxed);
    let mut hangs = Box::pin(product.call(7));
    assert!((&mut hangs).now_or_never().is_none());
    HANGS.store(false, Ordering::Relaxed);
    // Who asks now would wait for that load, and for ever.
    product.clear_in_flight();
    println!("past a load that hangs: {} cents", product.call(7).await.cents);
    drop(hangs);
    let stats = product.metrics().stats();
    assert_eq!((left(), stats.misses(), stats.coalesced(), stats.cancelled()), (1, 101, 0, 1));
}
