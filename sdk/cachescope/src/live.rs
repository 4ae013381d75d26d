//! The caches of this process.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use cachescope_core::{Identity, Source};

use crate::metrics::{CacheMetrics, Stats};

static LIVE: Mutex<Vec<Weak<dyn Live>>> = Mutex::new(Vec::new());

/// What can be asked of any cache, whatever its types.
pub(crate) trait Live: Source {
    fn identity(&self) -> &Identity;
    fn metrics(&self) -> CacheMetrics<'_>;
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

/// The caches of this process that are alive, in the order they were built. Those of one name are listed one by one.
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
pub fn caches() -> Vec<LiveCache> {
    let live = LIVE.lock().unwrap_or_else(PoisonError::into_inner);
    live.iter().filter_map(Weak::upgrade).map(LiveCache).collect()
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

    /// What it has counted: [`CacheMetrics::stats`].
    #[must_use]
    pub fn stats(&self) -> Stats {
        self.0.metrics().stats()
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
