//! The caches of this process.

use std::fmt;
use std::ops::Deref;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use cachescope_core::{Identity, Source};

use crate::insight::{Insight, Watched};
use crate::metrics::{CacheMetrics, Snapshot, Stats, Window};

static LIVE: Mutex<Vec<Weak<dyn Live>>> = Mutex::new(Vec::new());

/// What can be asked of any cache, whatever its types.
pub(crate) trait Live: Source + Watched {
    fn identity(&self) -> &Identity;
    fn metrics(&self) -> CacheMetrics<'_>;
    fn insight(&self) -> Insight<'_>;
    fn clear(&self);
}

/// Puts a cache on the list, and at times takes those off that are gone.
pub(crate) fn enlist(cache: Weak<dyn Live>) {
    let mut live = LIVE.lock().unwrap_or_else(PoisonError::into_inner);
    // Only where it would grow, so that many caches are listed in a time that is proportional to their number.
    if live.len() == live.capacity() {
        live.retain(|cache| cache.strong_count() > 0);
    }
    live.push(cache);
}

/// The caches of this process that are alive, in the order they were built. Those of one name are listed one by one;
/// [`Caches::aggregate`] adds up.
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

/// Caches of this process. Made by [`caches`]; keeps them alive.
///
/// ```
/// # async fn query(_: u64) -> String { String::new() }
/// let user = cachescope::cached("shop.user", query).label("team", "accounts").build();
/// let price = cachescope::cached("shop.price", query).label("team", "sales").build();
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// user.call(1).await;
/// price.call(1).await;
/// # });
/// let shop = cachescope::caches().named("shop.").aggregate().unwrap();
/// assert_eq!(shop.requests(), 2);
/// let sales = cachescope::caches().labelled("team", "sales").aggregate().unwrap();
/// assert_eq!(sales.requests(), 1);
/// ```
#[derive(Debug)]
pub struct Caches(Vec<LiveCache>);

impl Caches {
    /// Those whose name begins so.
    #[must_use]
    pub fn named(mut self, prefix: &str) -> Self {
        self.0.retain(|cache| cache.name().starts_with(prefix));
        self
    }

    /// Those that were given this label.
    #[must_use]
    pub fn labelled(mut self, name: &str, value: &str) -> Self {
        self.0.retain(|cache| cache.label(name) == Some(value));
        self
    }

    /// The stats of all of them together, as [`Stats::merge`] has it; `None` of none.
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

/// A cache of this process, whatever its types. Keeps it alive.
pub struct LiveCache(Arc<dyn Live>);

impl LiveCache {
    /// The name given to [`cached`](crate::cached()).
    #[must_use]
    pub fn name(&self) -> &str {
        &self.0.identity().cache
    }

    /// The kind of store it has.
    #[must_use]
    pub fn store(&self) -> &'static str {
        self.0.identity().store
    }

    /// The label of this name, if it was given one.
    #[must_use]
    pub fn label(&self, name: &str) -> Option<&str> {
        self.0.identity().labels.get(name).map(String::as_str)
    }

    /// What it has counted: [`CacheMetrics::stats`].
    #[must_use]
    pub fn stats(&self) -> Stats {
        self.0.metrics().stats()
    }

    /// The same with its name: [`CacheMetrics::snapshot`].
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        self.0.metrics().snapshot()
    }

    /// The same of the last so long: [`CacheMetrics::window`].
    #[must_use]
    pub fn window(&self, window: impl Into<Window>) -> Stats {
        self.0.metrics().window(window)
    }

    /// What its numbers mean: `Cached::insight`.
    #[must_use]
    pub fn insight(&self) -> Insight<'_> {
        self.0.insight()
    }

    /// What this process counted of it.
    #[cfg(feature = "fleet")]
    pub(crate) fn own_snapshot(&self) -> Snapshot {
        self.0.metrics().own_snapshot()
    }

    /// Drops every entry, as [`Cached::clear`](crate::Cached::clear) does.
    pub fn clear(&self) {
        self.0.clear();
    }
}

impl fmt::Debug for LiveCache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("LiveCache").field(self.0.identity()).finish()
    }
}
