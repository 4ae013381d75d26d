//! The registry of this process's caches.

use std::fmt;
use std::ops::Deref;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use crate::engine::view::View;
use crate::insight::Insight;
use crate::metrics::{Snapshot, Stats, Window};

static LIVE: Mutex<Vec<Weak<dyn View>>> = Mutex::new(Vec::new());

/// Adds a cache to the registry, and removes dropped caches from time to time.
pub(crate) fn enlist(cache: Weak<dyn View>) {
    let mut live = LIVE.lock().unwrap_or_else(PoisonError::into_inner);
    // Only where the list would grow, so that registering many caches takes time in proportion to their number.
    if live.len() == live.capacity() {
        live.retain(|cache| cache.strong_count() > 0);
    }
    live.push(cache);
}

/// Returns the live caches of this process, in the order they were built. Caches of the same name are listed
/// separately; [`Caches::aggregate`] adds them up.
///
/// ```
/// let squares = cachescope::cached("math.squares", |n: u64| async move { n * n }).build();
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// squares.call(12).await;
/// # });
/// for cache in cachescope::caches() {
///     println!("{}: {} requests", cache.name(), cache.stats().requests());
/// }
/// # assert!(cachescope::caches().iter().any(|cache| cache.name() == "math.squares"));
/// ```
#[must_use]
pub fn caches() -> Caches {
    let live = LIVE.lock().unwrap_or_else(PoisonError::into_inner);
    Caches(live.iter().filter_map(Weak::upgrade).map(LiveCache).collect())
}

/// Caches of this process. Created by [`caches`]; keeps them alive.
///
/// ```
/// # async fn query(_: u64) -> String { String::new() }
/// let user = cachescope::cached("shop.user", query).label("team", "accounts").build();
/// let price = cachescope::cached("shop.price", query).label("team", "sales").build();
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// user.call(1).await;
/// price.call(1).await;
/// # });
/// let shop = cachescope::caches().with_prefix("shop.").aggregate().unwrap();
/// assert_eq!(shop.requests(), 2);
/// let sales = cachescope::caches().with_label("team", "sales").aggregate().unwrap();
/// assert_eq!(sales.requests(), 1);
/// ```
#[derive(Debug)]
pub struct Caches(Vec<LiveCache>);

impl Caches {
    /// Keeps only the caches whose name begins with `prefix`.
    #[must_use]
    pub fn with_prefix(mut self, prefix: &str) -> Self {
        self.0.retain(|cache| cache.name().starts_with(prefix));
        self
    }

    /// Keeps only the caches with this label.
    #[must_use]
    pub fn with_label(mut self, name: &str, value: &str) -> Self {
        self.0.retain(|cache| cache.label(name) == Some(value));
        self
    }

    /// Returns the stats of all these caches together, as [`Stats::merge`] does; `None` if there are none.
    #[must_use]
    pub fn aggregate(&self) -> Option<Stats> {
        self.0.iter().map(LiveCache::stats).reduce(|all, stats| all.merge(&stats))
    }
}

impl Deref for Caches {
    type Target = [LiveCache];

    fn deref(&self) -> &[LiveCache] {
        &self.0
    }
}

impl IntoIterator for Caches {
    type Item = LiveCache;
    type IntoIter = std::vec::IntoIter<LiveCache>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

/// A cache of this process, with its types erased. Keeps the cache alive.
pub struct LiveCache(Arc<dyn View>);

impl LiveCache {
    /// Returns the name given to [`cached`](crate::cached()).
    #[must_use]
    pub fn name(&self) -> &str {
        &self.0.identity().name
    }

    /// Returns the kind of the store.
    #[must_use]
    pub fn store(&self) -> &'static str {
        self.0.identity().store
    }

    /// Returns the value of a label, if the cache has the label.
    #[must_use]
    pub fn label(&self, name: &str) -> Option<&str> {
        self.0.identity().labels.get(name).map(String::as_str)
    }

    /// Returns the cache's stats. See [`CacheMetrics::stats`](crate::metrics::CacheMetrics::stats).
    #[must_use]
    pub fn stats(&self) -> Stats {
        self.0.metrics().stats()
    }

    /// Returns the cache's stats with its name. See [`CacheMetrics::snapshot`](crate::metrics::CacheMetrics::snapshot).
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        self.0.metrics().snapshot()
    }

    /// Returns the stats of a window. See [`CacheMetrics::window`](crate::metrics::CacheMetrics::window).
    #[must_use]
    pub fn window(&self, window: impl Into<Window>) -> Stats {
        self.0.metrics().window(window)
    }

    /// Returns the cache's insight. See [`Cached::insight`](crate::Cached::insight).
    #[must_use]
    pub fn insight(&self) -> Insight<'_> {
        self.0.insight()
    }

    /// Returns what this process counted, without restored metrics.
    #[cfg(feature = "fleet")]
    pub(crate) fn process_snapshot(&self) -> Snapshot {
        self.0.metrics().process_snapshot()
    }

    /// Removes every entry. See [`Cached::clear`](crate::Cached::clear).
    pub fn clear(&self) {
        self.0.clear();
    }
}

impl fmt::Debug for LiveCache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("LiveCache").field(self.0.identity()).finish()
    }
}
