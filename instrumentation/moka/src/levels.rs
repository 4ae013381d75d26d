//! How full a moka cache is.

use std::hash::{BuildHasher, Hash};

use cachescope_core::Levels;
use moka::sync::Cache;

/// How full `cache` is, by entries or, if its weigher counts them, by bytes.
pub(crate) fn levels<K, V, S>(cache: &Cache<K, V, S>, in_bytes: bool) -> Levels
where
    K: Hash + Eq + Send + Sync + 'static,
    V: Clone + Send + Sync + 'static,
    S: BuildHasher + Clone + Send + Sync + 'static,
{
    // moka counts in batches: without this, what was stored a moment ago is missing.
    cache.run_pending_tasks();
    let limit = cache.policy().max_capacity();
    Levels {
        entries: cache.entry_count(),
        entry_limit: limit.filter(|_| !in_bytes),
        bytes: in_bytes.then(|| cache.weighted_size()),
        byte_limit: limit.filter(|_| in_bytes),
    }
}
