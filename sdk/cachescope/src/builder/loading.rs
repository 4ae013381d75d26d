//! The options about loads and about waiting for them.

use std::time::Duration;

use super::Builder;
use crate::engine::loader::Loader;
use crate::mode::Async;

impl<K, V, E, C> Builder<K, V, E, C, Async>
where
    K: Send + 'static,
{
    /// Sets the loader for all keys that [`Cached::get_many`](crate::Cached::get_many) misses. It returns pairs of key
    /// and value, in any order; a key without a pair has no value. Default: each key is loaded separately.
    ///
    /// ```
    /// # use std::collections::HashMap;
    /// # async fn query(id: u64) -> String { format!("user {id}") }
    /// # async fn query_all(ids: Vec<u64>) -> HashMap<u64, String> {
    /// #     ids.into_iter().map(|id| (id, format!("user {id}"))).collect()
    /// # }
    /// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
    /// let user = cachescope::cached("user.by_id", query).batch_load(|ids: Vec<u64>| query_all(ids)).build();
    /// user.call(1).await; // one query
    /// let users = user.get_many([1, 2, 3]).await; // one query, of 2 and 3
    /// assert_eq!(users[&3], "user 3");
    /// # });
    /// ```
    #[doc(alias = "bulk load")]
    #[doc(alias = "DataLoader")]
    #[doc(alias = "get_all")]
    pub fn batch_load<F, R>(mut self, load: F) -> Self
    where
        F: Fn(Vec<K>) -> R + Send + Sync + 'static,
        R: Future<Output: IntoIterator<Item = (K, V)>> + Send + 'static,
        V: 'static,
        E: 'static,
    {
        self.batch_loader = Some(Loader::of_values(move |keys| {
            let pairs = load(keys);
            async move { pairs.await.into_iter().collect() }
        }));
        self
    }

    /// Sets a batch loader that returns a `Result`: an error is the error of every key that it was to load. See
    /// [`Builder::batch_load`].
    pub fn try_batch_load<F, R, P>(mut self, load: F) -> Self
    where
        F: Fn(Vec<K>) -> R + Send + Sync + 'static,
        R: Future<Output = Result<P, E>> + Send + 'static,
        P: IntoIterator<Item = (K, V)>,
        V: 'static,
        E: 'static,
    {
        self.batch_loader = Some(Loader::new(move |keys| {
            let pairs = load(keys);
            async move { Ok(pairs.await?.into_iter().collect()) }
        }));
        self
    }
}

impl<K, V, E, C, M> Builder<K, V, E, C, M> {
    /// Sets how long a request waits for another request's load before it loads for itself. Default: as long as the
    /// load takes.
    ///
    /// The load that ends first is stored and answers the requests that still wait, unless the key was invalidated. So
    /// a load that hangs costs each request of its key this time, and not forever. Zero: requests don't wait.
    #[doc(alias = "lock timeout")]
    pub fn wait_for_load_timeout(self, timeout: Duration) -> Self {
        self.set("wait_for_load_timeout", |settings| settings.wait_for_load_timeout = Some(timeout))
    }

    /// Answers a request whose wait timed out with this error, instead of a load of its own. For a source that must not
    /// be called twice at the same time. Default: the request loads.
    ///
    /// The result of such a request is `coalesced`, with `error.type`, and the outcome of its wait is `timeout`.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # #[derive(Debug)] enum Failed { Busy }
    /// # async fn report(_: u64) -> Result<String, Failed> { Ok(String::new()) }
    /// let report = cachescope::try_cached("report", report)
    ///     .wait_for_load_timeout(Duration::from_secs(2))
    ///     .wait_timeout_error(|| Failed::Busy)
    ///     .build();
    /// ```
    pub fn wait_timeout_error(mut self, error: impl Fn() -> E + Send + Sync + 'static) -> Self {
        self.wait_error = Some(Box::new(error));
        self.set("wait_timeout_error", |_| ())
    }

    /// Limits how many loads of this cache run at the same time, refreshes and bypasses included. Other loads queue,
    /// first come first served. Must be 1 or more. Default: no limit.
    ///
    /// The time in the queue is counted as a wait with the outcome `admitted`. A load that requests another key of the
    /// same cache needs a second permit while it holds its own: with too few permits it waits for itself.
    #[doc(alias = "bulkhead")]
    #[doc(alias = "semaphore")]
    pub fn load_concurrency(self, loads: usize) -> Self {
        self.set("load_concurrency", |settings| settings.load_concurrency = Some(loads))
    }

    /// Sets whether a load goes on after its request was dropped, in a task of the request's tokio runtime. Default:
    /// no; the load is cancelled, and a follower loads again.
    ///
    /// For expensive loads whose callers time out. The result of the request is `cancelled` in both cases; a load that
    /// goes on counts like any other, with the trigger `miss`.
    #[doc(alias = "detached load")]
    pub fn finish_cancelled_loads(self, finish: bool) -> Self {
        self.set("finish_cancelled_loads", |settings| settings.finish_cancelled_loads = finish)
    }
}
