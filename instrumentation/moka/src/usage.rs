//! The usage of a moka cache.

use std::hash::{BuildHasher, Hash};

use cachescope_core::StoreUsage;
use moka::sync::Cache;

/// Returns the usage of `cache`: in bytes if its weigher counts bytes, otherwise in entries.
pub(crate) fn usage<K, V, S>(cache: &Cache<K, V, S>, in_bytes: bool) -> StoreUsage
where
    K: Hash + Eq + Send + Sync + 'static,
    V: Clone + Send + Sync + 'static,
    S: BuildHasher + Clone + Send + Sync + 'static,
{
    // moka counts in batches. Without this call, the latest entries would be missing.
    cache.run_pending_tasks();
    let limit = cache.policy().max_capacity();
    StoreUsage {
        entries: cache.entry_count(),
        entry_limit: limit.filter(|_| !in_bytes),
        bytes: in_bytes.then(|| cache.weighted_size()),
        byte_limit: limit.filter(|_| in_bytes),
    }
}
