//! Problem: you want one number for several caches, or for several instances of a service. Solution: `caches()` selects
//! caches by prefix or label, `aggregate` adds up their stats, and `Stats::merge` adds up instances.

use cachescope::{Stats, cached};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), serde_json::Error> {
    let build = |name: &str, team: &str| cached(name, |id: u64| async move { id }).label("team", team).build();
    let (user, price, stock) =
        (build("shop.user", "accounts"), build("shop.price", "sales"), build("shop.stock", "sales"));
    for id in 0..100 {
        user.call(id % 10).await;
        price.call(id % 50).await;
        stock.call(id).await;
    }

    let shop = cachescope::caches().with_prefix("shop.").aggregate().expect("three caches");
    let sales = cachescope::caches().with_label("team", "sales").aggregate().expect("two caches");
    println!("the shop:  {} requests, {} hits", shop.requests(), shop.hits());
    println!("its sales: {} requests, {} hits", sales.requests(), sales.hits());
    assert_eq!((shop.requests(), shop.hits()), (300, 140));
    assert_eq!((sales.requests(), sales.hits()), (200, 50));

    // Another instance would send its stats like this.
    let json = serde_json::to_string(&shop)?;
    let fleet = shop.merge(&serde_json::from_str::<Stats>(&json)?);
    println!("two shops: {} requests, {} hits", fleet.requests(), fleet.hits());
    assert_eq!((fleet.requests(), fleet.hits(), fleet.hit_rate()), (600, 280, shop.hit_rate()));
    Ok(())
}
