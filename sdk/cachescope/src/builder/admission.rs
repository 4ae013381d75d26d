//! The options about which values are stored.

use std::hash::Hash;
use std::time::Duration;

use super::Builder;
use crate::engine::error_cache::Errors;
use crate::engine::tags::{CountedTags, Tags};

impl<K, V, E, C, M> Builder<K, V, E, C, M> {
    /// Stores only values for which `accepts` returns true. Other values reach their caller and are counted as
    /// rejected, and the key's previous entry stays. Default: all values are stored.
    ///
    /// Called more than once, or with [`Builder::allow_none`], all conditions must hold.
    ///
    /// `accepts` runs once per load, under a lock: it must not call the cache.
    pub fn cache_if(mut self, accepts: impl Fn(&V) -> bool + Send + Sync + 'static) -> Self {
        self.admission.conditions.push(Box::new(accepts));
        self
    }

    /// Sets the function that measures a value, in bytes. Telemetry then has the sizes of stored values, and
    /// [`Builder::entry_size_limit`] can reject large values. Default: sizes are unknown.
    ///
    /// `size_of` runs once per load, under a lock: it must not call the cache.
    ///
    /// ```
    /// # async fn fetch(_: u64) -> String { String::new() }
    /// let page = cachescope::cached("page", fetch).entry_size(String::len).entry_size_limit(1 << 20).build();
    /// ```
    #[doc(alias = "weigher")]
    pub fn entry_size(mut self, size_of: impl Fn(&V) -> usize + Send + Sync + 'static) -> Self {
        self.admission.size_of = Some(Box::new(size_of));
        self
    }

    /// Stores only values of at most `bytes` bytes, measured by [`Builder::entry_size`], which is required. Larger
    /// values reach their callers and are counted as rejected. Default: no limit.
    pub fn entry_size_limit(mut self, bytes: u64) -> Self {
        self.admission.size_limit = Some(bytes);
        self
    }

    /// Sets the function that returns the tags of an entry, so that
    /// [`Cached::invalidate_tag`](crate::Cached::invalidate_tag) can remove all entries with a tag.
    ///
    /// `tags` runs for every entry when a tag is invalidated, under a lock: it must not call the cache. Tags are not
    /// stored, and a hit costs no more.
    ///
    /// ```
    /// # #[derive(Clone)] struct User { team: u64 }
    /// # async fn query(_: u64) -> User { User { team: 4 } }
    /// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
    /// let user = cachescope::cached("user.by_id", query).tags(|_, user| [format!("team:{}", user.team)]).build();
    /// user.call(7).await;
    /// assert_eq!(user.invalidate_tag("team:4"), 1);
    /// # });
    /// ```
    pub fn tags<T, I>(mut self, tags: impl Fn(&K, &V) -> T + Send + Sync + 'static) -> Self
    where
        T: IntoIterator<Item = I>,
        I: AsRef<str>,
    {
        self.tags = Some(Tags::of(tags));
        self
    }

    /// Exports how many entries the invalidation of each tag removed, with the tag as an attribute: the first `limit`
    /// tags by name, all others together as `_other`. Default: no tag is exported.
    #[doc(alias = "tag metrics")]
    pub fn export_tags(mut self, limit: usize) -> Self {
        self.counted_tags = Some(CountedTags::new(limit));
        self
    }

    /// Remembers errors for which `accepts` returns true (negative caching). For `time`, such an error answers requests
    /// for its key, and the key isn't loaded. Default: an error reaches the requests that waited for it, and is then
    /// forgotten.
    ///
    /// The result of a request with a remembered error is `hit`, with `error.type`. Storing or invalidating the key
    /// forgets its error. At most 1,024 errors are remembered; then the oldest is forgotten. `accepts` runs once per
    /// error, under a lock: it must not call the cache.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # enum Failed { NoSuchUser, Unreachable }
    /// # async fn query(_: u64) -> Result<String, Failed> { Err(Failed::NoSuchUser) }
    /// let user = cachescope::try_cached("user.by_id", query)
    ///     .cache_errors_for(Duration::from_secs(30), |error| matches!(error, Failed::NoSuchUser))
    ///     .build();
    /// ```
    #[doc(alias = "negative caching")]
    pub fn cache_errors_for(mut self, time: Duration, accepts: impl Fn(&E) -> bool + Send + Sync + 'static) -> Self
    where
        K: Hash + Eq,
    {
        self.errors = Some(Errors::new(time, accepts));
        self
    }
}

impl<K, T: 'static, E, C, M> Builder<K, Option<T>, E, C, M> {
    /// Sets whether `None` is stored. Default: yes, like every value. Conditions of [`Builder::cache_if`] hold as well.
    ///
    /// ```
    /// # async fn query(_: u64) -> Option<u64> { None }
    /// let stock = cachescope::cached("stock", query).cache_if(|left| *left != Some(0)).allow_none(false).build();
    /// ```
    pub fn allow_none(mut self, allow: bool) -> Self {
        self.admission.is_some = (!allow).then_some(Option::is_some);
        self
    }
}
