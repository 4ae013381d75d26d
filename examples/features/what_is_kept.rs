//! Some values aren't worth keeping, or not for long.

use std::time::Duration;

use cachescope::{Moka, RejectionReason, cached};

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
        // By bytes, as this counts them, instead of by entries.
        .store(Moka::with_byte_limit(1 << 20, move |_, page| size(page)))
        .stale_after_by(|page| page.as_ref().and_then(|page| page.max_age))
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
    println!("{} hits, {} misses, {:?} bytes held", stats.hits(), stats.misses(), stats.levels().bytes);
    // Nobody is told where a page is missing, and too large ones pass through; both are counted.
    assert_eq!(stats.rejections(RejectionReason::Refused), 2);
    assert_eq!(stats.rejections(RejectionReason::TooLarge), 2);
    assert_eq!((stats.entry_size().count(), stats.entry_size().max()), (2, 10_000));
}
