//! Problem: a hit must be as cheap as possible.
//! Solution: `QuickCache` as the store.

use cachescope::metrics::EvictionReason;
use cachescope::{QuickCache, cached};

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let squares = cached("math.squares", |n: u64| async move { n * n }).store(QuickCache::with_capacity(1_000)).build();
    for n in 0..10_000 {
        assert_eq!(squares.call(n).await, n * n);
        assert_eq!(squares.call(n % 100).await, (n % 100) * (n % 100));
    }

    let stats = squares.metrics().stats();
    let (held, evicted) = (stats.usage().entries, stats.evictions(EvictionReason::Size));
    println!("{:.1} % hits, {held} entries held, {evicted} evicted", stats.hit_rate().unwrap_or(0.0) * 100.0);
    assert_eq!(held + evicted, stats.misses());
    assert!(stats.hits() >= 9_900);
}
