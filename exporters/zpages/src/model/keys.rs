//! The keys of caches on the page.

use std::collections::HashMap;

use cachescope::metrics::LiveCache;

/// Returns the live caches with their keys on the page: the name, and for further caches of the same name also their
/// number, as `name#2`.
pub(crate) fn keyed() -> Vec<(String, LiveCache)> {
    let mut seen: HashMap<String, u32> = HashMap::new();
    let key = |cache: &LiveCache| {
        let count = seen.entry(cache.name().to_owned()).or_default();
        *count += 1;
        if *count == 1 { cache.name().to_owned() } else { format!("{}#{count}", cache.name()) }
    };
    let caches: Vec<_> = cachescope::caches().into_iter().collect();
    let keys: Vec<_> = caches.iter().map(key).collect();
    keys.into_iter().zip(caches).collect()
}

/// Returns the cache with this key.
pub(crate) fn find(key: &str) -> Option<LiveCache> {
    keyed().into_iter().find(|(known, _)| known == key).map(|(_, cache)| cache)
}
