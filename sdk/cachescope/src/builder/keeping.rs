//! The steps about what is kept.

use std::hash::Hash;
use std::time::Duration;

use super::Builder;
use crate::errors::Errors;
use crate::tags::{CountedTags, Tags};

impl<K, V, E, C, M> Builder<K, V, E, C, M> {
    /// Keeps only values for which `keeps` says true; others reach their caller and are counted as rejected, and
    /// what the cache held of their key stays.
    /// Default: all. Runs once per load, under a lock: it must not call the cache.
    pub fn cache_if(mut self, keeps: impl Fn(&V) -> bool + Send + Sync + 'static) -> Self {
        self.admission.keeps = Some(Box::new(keeps));
        self
    }

    /// How large a value is, in bytes: telemetry then tells the sizes of what is stored, and
    /// [`Builder::entry_size_limit`] can refuse what is too large. Default: unknown.
    /// Runs once per load, under a lock: it must not call the cache.
    ///
    /// ```
    /// # async fn fetch(_: u64) -> String { String::new() }
    /// let page = cachescope::cached("page", fetch).entry_size(String::len).entry_size_limit(1 << 20).build();
    /// ```
    pub fn entry_size(mut self, size_of: impl Fn(&V) -> usize + Send + Sync + 'static) -> Self {
        self.admission.size_of = Some(Box::new(size_of));
        self
    }

    /// Keeps only values of at most `bytes` bytes, as [`Builder::entry_size`] counts them, which it needs; larger
    /// ones reach their caller and are counted as rejected. Default: no limit.
    pub fn entry_size_limit(mut self, bytes: u64) -> Self {
        self.admission.size_limit = Some(bytes);
        self
    }

    /// Says which tags an entry has, so that [`Cached::invalidate_tag`](crate::Cached::invalidate_tag) can drop those
    /// of one. Runs for every entry when a tag is dropped, under a lock: it must not call the cache. Nothing is kept of
    /// it, and a hit costs no more.
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

    /// Has telemetry count how many entries each tag's invalidation dropped: the tags are then named there, the first
    /// `limit` of them, and the others together as `_other`. Default: no tag is named.
    pub fn count_tags(mut self, limit: usize) -> Self {
        self.counted_tags = Some(CountedTags::new(limit));
        self
    }

    /// Remembers errors for which `matters` says true: for `time` they answer requests of their key, which isn't
    /// loaded. Default: an error is forgotten once those have it who waited for it.
    ///
    /// Such a request's result is `hit`, with the error's type. Storing or invalidating the key forgets its error. At
    /// most 1,024 are remembered at a time, then the oldest goes. `matters` runs once per error, under a lock: it must
    /// not call the cache.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # enum Failed { NoSuchUser, Unreachable }
    /// # async fn query(_: u64) -> Result<String, Failed> { Err(Failed::NoSuchUser) }
    /// let user = cachescope::try_cached("user.by_id", query)
    ///     .cache_errors_for(Duration::from_secs(30), |error| matches!(error, Failed::NoSuchUser))
    ///     .build();
    /// ```
    pub fn cache_errors_for(mut self, time: Duration, matters: impl Fn(&E) -> bool + Send + Sync + 'static) -> Self
    where
        K: Hash + Eq,
    {
        self.errors = Some(Errors::new(time, matters));
        self
    }
}

impl<K, T: 'static, E, C, M> Builder<K, Option<T>, E, C, M> {
    /// Whether `None` is kept. Default: it is, as any value.
    pub fn allow_none(self, allow: bool) -> Self {
        if allow { self } else { self.cache_if(Option::is_some) }
    }
}
