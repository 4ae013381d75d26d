//! One request with options of its own.

use std::convert::Infallible;
use std::future::IntoFuture;
use std::hash::Hash;
use std::marker::PhantomData;
use std::pin::Pin;
use std::time::Duration;

use cachescope_core::{HashedKey, Store};

use crate::cached::Cached;
use crate::default_store::DefaultStore;
use crate::engine::freshness::{RequestMode, RequestOptions};
use crate::error::CallError;
pub use crate::mode::{Async, Mode};

/// One request with options of its own. Created by [`Cached::request`] and [`Cached::try_request`]. Nothing happens
/// before it is awaited. Costs as much as a call, and one allocation.
///
/// ```
/// use std::time::Duration;
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// let price = cachescope::cached("price", |id: u64| async move { id * 100 }).build();
///
/// let recent = price.request(7).max_age(Duration::from_secs(5)).await;
/// let checked = price.request(7).bypass().await;
/// # assert_eq!(recent, checked);
/// let present: Option<u64> = price.request(8).only_if_cached().await;
/// # assert_eq!(present, None);
/// # });
/// ```
///
/// `A` is the kind of the answer: [`Value`], [`Fallible`] or [`Present`]. `M` is how the cache is called: a request to
/// a cache of `sync` isn't awaited; its method `get` runs it.
#[must_use = "a request is made when it is awaited"]
#[derive(Debug)]
pub struct Request<'a, K, V, E, S = DefaultStore<K, V>, A = Fallible, M = Async> {
    cache: &'a Cached<K, V, E, S, M>,
    key: K,
    options: RequestOptions,
    answers: PhantomData<fn() -> A>,
}

/// The request returns a value: its load can't fail.
#[derive(Debug)]
pub enum Value {}

/// The request returns a result.
#[derive(Debug)]
pub enum Fallible {}

/// The request returns what the cache holds: it never loads.
#[derive(Debug)]
pub enum Present {}

/// The answer of a request that may load: [`Value`] or [`Fallible`].
pub trait Loads {}
impl Loads for Value {}
impl Loads for Fallible {}

impl<'a, K, V, E, S, A, M> Request<'a, K, V, E, S, A, M> {
    pub(crate) fn new(cache: &'a Cached<K, V, E, S, M>, key: K) -> Self {
        Self { cache, key, options: RequestOptions::default(), answers: PhantomData }
    }

    /// Sets the oldest acceptable age. An older entry is loaded again even if it is fresh, and the new value is stored.
    pub fn max_age(mut self, max_age: Duration) -> Self {
        self.options.max_age = Some(max_age);
        self
    }

    /// Logs what happens to the request, as `tracing` events at level info: its result, its load and its waits, with
    /// their times. Keys and values are not logged.
    pub fn verbose(mut self) -> Self {
        self.options.verbose = true;
        self
    }
}

impl<'a, K, V, E, S, A: Loads, M> Request<'a, K, V, E, S, A, M> {
    /// Bypasses the cache: runs the loader, neither joins nor shares a load, and doesn't store the result. The result
    /// is `bypass`.
    #[doc(alias = "no-cache")]
    pub fn bypass(mut self) -> Self {
        self.options.mode = RequestMode::Bypass;
        self
    }

    /// Loads without a lookup, and overwrites the entry. The result is `bypass`. Of overlapping overwrites each loads,
    /// and the value of the one that began last is stored.
    #[doc(alias = "refresh")]
    #[doc(alias = "force refresh")]
    pub fn overwrite(mut self) -> Self {
        self.options.mode = RequestMode::Overwrite;
        self
    }

    /// Returns an entry that may answer, and never loads. The result is `hit`, `stale` or `absent`. Looks in the shared
    /// store if memory has no entry; while the shared store fails, the key is absent.
    #[doc(alias = "only-if-cached")]
    pub fn only_if_cached(self) -> Request<'a, K, V, E, S, Present, M> {
        let options = RequestOptions { mode: RequestMode::OnlyIfCached, ..self.options };
        Request { cache: self.cache, key: self.key, options, answers: PhantomData }
    }
}

impl<K, V, E, S, A, M> Request<'_, K, V, E, S, A, M>
where
    K: Hash + Eq + Clone + Send + Sync + 'static,
    V: Clone + Send + Sync + 'static,
    E: Send + Sync + 'static,
    S: Store<K, V>,
{
    pub(crate) async fn ask(self) -> Result<V, CallError<E>> {
        let engine = &self.cache.engine;
        engine.ask(HashedKey::new(engine.memory.hash(&self.key), self.key), self.options).await
    }

    pub(crate) async fn look(self) -> Option<V> {
        let engine = &self.cache.engine;
        engine.look_everywhere(HashedKey::new(engine.memory.hash(&self.key), self.key), self.options).await
    }
}

type Answering<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

impl<'a, K, V, E, S> IntoFuture for Request<'a, K, V, E, S, Fallible>
where
    K: Hash + Eq + Clone + Send + Sync + 'static,
    V: Clone + Send + Sync + 'static,
    E: Send + Sync + 'static,
    S: Store<K, V>,
{
    type Output = Result<V, CallError<E>>;
    type IntoFuture = Answering<'a, Self::Output>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.ask())
    }
}

impl<'a, K, V, S> IntoFuture for Request<'a, K, V, Infallible, S, Value>
where
    K: Hash + Eq + Clone + Send + Sync + 'static,
    V: Clone + Send + Sync + 'static,
    S: Store<K, V>,
{
    type Output = V;
    type IntoFuture = Answering<'a, V>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async move { CallError::into_ok(self.ask().await) })
    }
}

impl<'a, K, V, E, S> IntoFuture for Request<'a, K, V, E, S, Present>
where
    K: Hash + Eq + Clone + Send + Sync + 'static,
    V: Clone + Send + Sync + 'static,
    E: Send + Sync + 'static,
    S: Store<K, V>,
{
    type Output = Option<V>;
    type IntoFuture = Answering<'a, Option<V>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.look())
    }
}
