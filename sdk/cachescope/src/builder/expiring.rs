//! The steps about time: how long values are fresh, and what is done about those that aren't.

use std::time::Duration;

use super::Builder;

impl<K, V, E, C, M> Builder<K, V, E, C, M> {
    /// How long a value is fresh, from when its load returned. Default: for ever, as with `Duration::MAX`.
    ///
    /// An expired entry is never served; zero makes every request load, those of one moment together.
    /// Costs a compare per hit, and one thread per process that keeps a coarse time.
    pub fn stale_after(mut self, life: Duration) -> Self {
        self.life_of = None;
        self.set("stale_after", |settings| settings.stale_after = Some(life))
    }

    /// How long each value is fresh, by the value; `None` is for ever. Takes the place of
    /// [`Builder::stale_after`]. Runs once per stored value, under a lock: it must not call the cache.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # #[derive(Clone)] struct Token { expires_in: Option<Duration> }
    /// # async fn fetch(_: u64) -> Token { Token { expires_in: None } }
    /// let token = cachescope::cached("token", fetch).stale_after_by(|token| token.expires_in).build();
    /// ```
    pub fn stale_after_by(mut self, life_of: impl Fn(&V) -> Option<Duration> + Send + Sync + 'static) -> Self {
        self.life_of = Some(Box::new(life_of));
        self
    }

    /// Shortens each life at random by up to this share of it, so that entries stored together don't expire
    /// together. 0 to 1; default 0.
    pub fn jitter(self, share: f64) -> Self {
        self.set("jitter", |settings| settings.jitter = share)
    }

    /// Renews an entry before it expires: the first request that hits it within this time of its end has it loaded
    /// behind its back. Keys that nobody asks for aren't renewed. Default: not at all.
    ///
    /// Not in the first half of a life, so a time longer than that acts as half of it. Runs as
    /// [`Builder::serve_stale_for`] says; where it can't, the entry expires in its time. A hit of an entry that is
    /// to be renewed costs what a miss does besides its load.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # async fn rate(_: u64) -> f64 { 1.0 }
    /// let rate = cachescope::cached("rate", rate)
    ///     .stale_after(Duration::from_secs(60))
    ///     .refresh_ahead(Duration::from_secs(10))
    ///     .build();
    /// ```
    pub fn refresh_ahead(self, time: Duration) -> Self {
        self.set("refresh_ahead", |settings| settings.refresh_ahead = time)
    }

    /// Renews an entry the earlier before it expires, the longer its load took, and at random: by the load's time,
    /// times `beta`, times a random number whose mean is 1. Default 0: not at all; 1 is the usual choice.
    ///
    /// This is probabilistic early expiration ("XFetch", Vattani, Chierichetti, Lowenstein, 2015): processes that
    /// share a source don't all load from it when an entry expires in each. With [`Builder::refresh_ahead`] the
    /// earlier of both counts. Runs and costs as that does.
    pub fn early_expiration(self, beta: f64) -> Self {
        self.set("early_expiration", |settings| settings.early_expiration = beta)
    }

    /// How long an entry past its life is still served, while it is renewed behind the request. Default: not at all.
    ///
    /// At most one load a key runs at a time, in a task of the tokio runtime that the request runs in; without one,
    /// the request loads as on any miss. Such a request's result is `stale`. Caches of `sync` renew on threads that
    /// all of them share.
    pub fn serve_stale_for(self, time: Duration) -> Self {
        self.set("serve_stale_for", |settings| settings.serve_stale_for = time)
    }

    /// How long an entry past its life still answers where a load returns an error. Default: not at all.
    ///
    /// Such a request's result is `stale`, with the error's type. A panic isn't an error. Each request of an expired
    /// key tries to load; with [`Builder::cache_errors_for`] one tries in so long.
    pub fn serve_stale_on_error(self, time: Duration) -> Self {
        self.set("serve_stale_on_error", |settings| settings.serve_stale_on_error = time)
    }

    /// How often entries past all use are looked for and dropped. Default: never; the store drops them when it needs
    /// their room.
    ///
    /// Looks at every entry, on a thread that all caches of the process share; loads can't land meanwhile, hits go on.
    pub fn cleanup_interval(self, interval: Duration) -> Self {
        self.set("cleanup_interval", |settings| settings.cleanup_interval = Some(interval))
    }
}
