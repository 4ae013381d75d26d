//! Problem: some values aren't worth caching, or not for long.
//! Solution: `allow_none(false)` and `entry_size_limit` reject values, `stale_after_fn` sets the TTL by value, and
//! `Moka::with_byte_limit` limits bytes instead of entries.

use std::time::Duration;

use cachescope::metrics::RejectionReason;
use cachescope::{Moka, cached};

#[derive(Clone)]
struct Page {
    body: String,
    max_age: Option<Duration>,
}

async fn fetch(length: usize) -> Option<Page> {
    let body = "x".repeat(length);
    (length > 0).then(|| Page { body, max_age: (length < 1_000).then_some(Duration::from_secs(60)) })
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let size = |page: &Option<Page>| page.as_ref().map_or(0, |page| page.body.len());
    let pages = cached("page.by_length", fetch)
        // A capacity in bytes, as measured by `size`.
        .store(Moka::with_byte_limit(1 << 20, move |_, page| size(page)))
        .stale_after_fn(|page| page.as_ref().and_then(|page| page.max_age))
        .jitter(0.1)
        .allow_none(false)
        .entry_size(size)
        .entry_size_limit(100_000)
        .build();

    for length in [0, 100, 10_000, 1_000_000, 0, 100, 10_000, 1_000_000] {
        let page = pages.call(length).await;
        assert_eq!(page.map_or(0, |page| page.body.len()), length);
    }

    let stats = pages.metrics().stats();
    println!("{} hits, {} misses, {:?} bytes held", stats.hits(), stats.misses(), stats.usage().bytes);
    // A missing page and a page that is too large are returned but not cached. Both rejections are counted.
    assert_eq!(stats.rejections(RejectionReason::Refused), 2);
    assert_eq!(stats.rejections(RejectionReason::TooLarge), 2);
    assert_eq!((stats.entry_size().count(), stats.entry_size().max()), (2, 10_000));
}
