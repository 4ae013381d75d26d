//! Problem: you want to know the sizes of entries, and keep large values out of the cache.
//! Solution: `entry_size` measures each value, and `entry_size_limit` rejects larger ones.

use cachescope::cached;
use cachescope::metrics::RejectionReason;
use cachescope::store::deep_size;

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let words = cached("words.by_count", |count: usize| async move { vec!["word".to_owned(); count] })
        // `deep_size` measures most types of std; any function of the value works.
        .entry_size(deep_size)
        .entry_size_limit(10_000)
        .build();
    for count in [1, 10, 100, 1_000] {
        assert_eq!(words.call(count).await.len(), count);
    }

    let stats = words.metrics().stats();
    let sizes = stats.entry_size();
    println!("{} entries, {} bytes on average, {} at most", sizes.count(), sizes.mean(), sizes.max());
    println!("{} rejected as too large", stats.rejections(RejectionReason::TooLarge));
    assert_eq!((sizes.count(), stats.rejections(RejectionReason::TooLarge)), (3, 1));
    assert!(sizes.max() > 100 * 24 && sizes.max() <= 10_000);
}
