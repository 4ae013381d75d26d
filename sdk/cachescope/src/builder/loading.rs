//! The steps about loads, and about waiting for them.

use std::time::Duration;

use super::Builder;
use crate::loader::Loader;
use crate::manner::Async;

impl<K, V, E, C> Builder<K, V, E, C, Async>
where
    K: Send + 'static,
{
    /// Loads the keys that [`Cached::get_many`](crate::Cached::get_many) misses in one go. It gives pairs of key and
    /// value, in any order; for a key that it leaves out there is no value. Default: each is loaded by itself.
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

    /// [`Builder::batch_load`] with a function that returns a `Result`: its error is that of each key it was to load.
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
    /// How long a request waits for another's load before it loads for itself. Default: as long as that takes.
    ///
    /// Whichever load ends first is stored and answers those who still wait, unless the key was invalidated. A load
    /// that hangs then costs each request of its key this long, instead of holding it for ever. Zero: nobody waits.
    pub fn wait_for_load_timeout(self, timeout: Duration) -> Self {
        self.set("wait_for_load_timeout", |settings| settings.wait_for_load_timeout = Some(timeout))
    }

    /// Gives a request that has waited as long as it may this error, instead of a load of its own: for a source that
    /// must not be asked twice at a time. Default: it loads.
    ///
    /// Its result is `coalesced`, with the error's type, and its wait's outcome `timeout`.
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

    /// How many loads of this cache run at a time, refreshes and bypasses too; others queue, first come first served.
    /// 1 or more; default: any number.
    ///
    /// A request's time in the queue is one of its waits: outcome `admitted`. A load that asks the same cache for
    /// another key needs a second place while it holds the first: with too few places it waits for itself.
    pub fn load_concurrency(self, loads: usize) -> Self {
        self.set("load_concurrency", |settings| settings.load_concurrency = Some(loads))
    }

    /// Whether a load goes on whose request is dropped, in a task of its tokio runtime. Default: no; it ends with its
    /// request, and one of those who wait for it loads anew.
    ///
    /// For loads that are dear and whose callers are impatient. The request's result is `cancelled` either way; the
    /// load then counts as any other, by miss.
    pub fn finish_cancelled_loads(self, finish: bool) -> Self {
        self.set("finish_cancelled_loads", |settings| settings.finish_cancelled_loads = finish)
    }
}
