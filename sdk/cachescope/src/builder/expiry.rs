//! The options about expiry: the TTL, refreshes, and the use of expired entries.

use std::time::Duration;

use super::Builder;

impl<K, V, E, C, M> Builder<K, V, E, C, M> {
    /// Sets the TTL: how long an entry is fresh, from the end of its load. Default: entries never expire, as with
    /// `Duration::MAX`.
    ///
    /// Without another option, an expired entry is never served. With a TTL of zero every request loads, and concurrent
    /// requests share the load. Costs one comparison per hit, and one thread per process for the coarse time.
    #[doc(alias = "TTL")]
    #[doc(alias = "time to live")]
    #[doc(alias = "expire_after_write")]
    pub fn stale_after(mut self, life: Duration) -> Self {
        self.ttl_fn = None;
        self.set("stale_after", |settings| settings.stale_after = Some(life))
    }

    /// Sets a function that returns the TTL of each value; `None`: the entry never expires. Takes precedence over
    /// [`Builder::stale_after`].
    ///
    /// `ttl_fn` runs once per stored value, under a lock: it must not call the cache.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # #[derive(Clone)] struct Token { expires_in: Option<Duration> }
    /// # async fn fetch(_: u64) -> Token { Token { expires_in: None } }
    /// let token = cachescope::cached("token", fetch).stale_after_fn(|token| token.expires_in).build();
    /// ```
    #[doc(alias = "TTL")]
    #[doc(alias = "expiry")]
    pub fn stale_after_fn(mut self, ttl_fn: impl Fn(&V) -> Option<Duration> + Send + Sync + 'static) -> Self {
        self.ttl_fn = Some(Box::new(ttl_fn));
        self
    }

    /// Shortens each TTL at random by up to this share of it, so that entries stored together don't expire together.
    /// Must be from 0 to 1. Default: 0.
    #[doc(alias = "TTL jitter")]
    pub fn jitter(self, share: f64) -> Self {
        self.set("jitter", |settings| settings.jitter = share)
    }

    /// Refreshes an entry before it expires: the first hit within `time` of the expiry starts a load in the background.
    /// Keys that nobody requests aren't refreshed. Default: no refresh ahead.
    ///
    /// An entry isn't refreshed in the first half of its TTL, so a longer `time` acts as half of the TTL. The load runs
    /// as with [`Builder::serve_stale_for`]; where it can't run, the entry expires as usual. The hit that starts a
    /// refresh costs as much as a miss without its load.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # async fn rate(_: u64) -> f64 { 1.0 }
    /// let rate = cachescope::cached("rate", rate)
    ///     .stale_after(Duration::from_secs(60))
    ///     .refresh_ahead(Duration::from_secs(10))
    ///     .build();
    /// ```
    #[doc(alias = "refresh_after_write")]
    pub fn refresh_ahead(self, time: Duration) -> Self {
        self.set("refresh_ahead", |settings| settings.refresh_ahead = time)
    }

    /// Refreshes an entry early and at random: the longer its load took, the earlier. The lead is the load's time,
    /// times `beta`, times a random number with a mean of 1. Default: 0, no early refresh; 1 is the usual choice.
    ///
    /// This is probabilistic early expiration ("XFetch", Vattani, Chierichetti, Lowenstein, 2015): processes that share
    /// a source don't all load at the moment of expiry. With [`Builder::refresh_ahead`], the earlier of both times
    /// counts. Runs and costs as that option does.
    #[doc(alias = "XFetch")]
    #[doc(alias = "probabilistic early expiration")]
    pub fn early_expiration(self, beta: f64) -> Self {
        self.set("early_expiration", |settings| settings.early_expiration = beta)
    }

    /// Serves an expired entry for up to `time` after its expiry, while a load in the background refreshes it
    /// (stale-while-revalidate). Default: not at all.
    ///
    /// At most one load runs per key, in a task of the tokio runtime that the request runs in. Without a runtime, the
    /// request loads as on any miss. The result of such a request is `stale`. Caches of `sync` refresh on a pool of
    /// threads that all of them share.
    #[doc(alias = "stale-while-revalidate")]
    pub fn serve_stale_for(self, time: Duration) -> Self {
        self.set("serve_stale_for", |settings| settings.serve_stale_for = time)
    }

    /// Serves an expired entry for up to `time` after its expiry where the load returns an error (stale-if-error).
    /// Default: not at all.
    ///
    /// The result of such a request is `stale`, with `error.type`. A panic isn't an error. Every request of an expired
    /// key tries to load; [`Builder::cache_errors_for`] limits the tries.
    #[doc(alias = "stale-if-error")]
    pub fn serve_stale_on_error(self, time: Duration) -> Self {
        self.set("serve_stale_on_error", |settings| settings.serve_stale_on_error = time)
    }

    /// Sets the interval at which entries that can't answer any request are removed. Default: never; the store removes
    /// them when it needs the capacity.
    ///
    /// A clean-up visits every entry, on a thread that all caches of the process share. Loads can't land meanwhile;
    /// hits go on.
    #[doc(alias = "run_pending_tasks")]
    #[doc(alias = "sweep")]
    pub fn cleanup_interval(self, interval: Duration) -> Self {
        self.set("cleanup_interval", |settings| settings.cleanup_interval = Some(interval))
    }
}
