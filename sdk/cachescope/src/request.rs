//! One request with wishes of its own.

use std::convert::Infallible;
use std::future::IntoFuture;
use std::hash::Hash;
use std::marker::PhantomData;
use std::pin::Pin;
use std::time::Duration;

use cachescope_core::{HashedKey, Store};

use crate::cached::Cached;
use crate::default_store::DefaultStore;
use crate::error::CallError;
use crate::manner::Async;
use crate::policy::{Mode, Wishes};

/// One request with wishes of its own. Made by [`Cached::request`] and [`Cached::try_request`]; nothing happens
/// before it is awaited. Costs what a call does, and an allocation.
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
/// `A` tells what it answers with: a [`Value`], a [`Fallible`] result, or what is [`Present`]. `M` is how the cache is
/// called: a request to a cache of `sync` isn't awaited; `get` makes it.
#[must_use = "a request is made when it is awaited"]
#[derive(Debug)]
pub struct Request<'a, K, V, E, S = DefaultStore<K, V>, A = Fallible, M = Async> {
    cache: &'a Cached<K, V, E, S, M>,
    key: K,
    wishes: Wishes,
    answers: PhantomData<fn() -> A>,
}

/// Awaiting the request gives a value: its load can't fail.
#[derive(Debug)]
pub enum Value {}

/// Awaiting the request gives a result.
#[derive(Debug)]
pub enum Fallible {}

/// Awaiting the request gives what the cache holds: nothing is loaded for it.
#[derive(Debug)]
pub enum Present {}

/// What a request answers with that may load: [`Value`] or [`Fallible`].
pub trait Loads {}
impl Loads for Value {}
impl Loads for Fallible {}

impl<'a, K, V, E, S, A, M> Request<'a, K, V, E, S, A, M> {
    pub(crate) fn new(cache: &'a Cached<K, V, E, S, M>, key: K) -> Self {
        Self { cache, key, wishes: Wishes::default(), answers: PhantomData }
    }

    /// Takes nothing older than this, however fresh: such an entry is loaded anew, for others too.
    pub fn max_age(mut self, max_age: Duration) -> Self {
        self.wishes.max_age = Some(max_age);
        self
    }

    /// Tells what happens to it, in events of `tracing` at level info: its result, its load and its waits, with their
    /// times; without key and value.
    pub fn verbose(mut self) -> Self {
        self.wishes.verbose = true;
        self
    }
}

impl<'a, K, V, E, S, A: Loads, M> Request<'a, K, V, E, S, A, M> {
    /// Leaves the cache aside: loads, alone, and stores nothing. Its result is `bypass`.
    pub fn bypass(mut self) -> Self {
        self.wishes.mode = Mode::Bypass;
        self
    }

    /// Loads without having looked, and stores the value over what is there. Its result is `bypass`. Of several that
    /// overlap each loads, and the value of the one that began last is stored.
    pub fn overwrite(mut self) -> Self {
        self.wishes.mode = Mode::Overwrite;
        self
    }

    /// Takes what the cache holds and may answer with, and doesn't load. Its result is `hit`, `stale` or `absent`. Asks a
    /// shared store for what memory hasn't; while that fails, nothing is there.
    pub fn only_if_cached(self) -> Request<'a, K, V, E, S, Present, M> {
        let wishes = Wishes { mode: Mode::OnlyIfCached, ..self.wishes };
        Request { cache: self.cache, key: self.key, wishes, answers: PhantomData }
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
        engine.ask(HashedKey::new(engine.hash(&self.key), self.key), self.wishes).await
    }

    pub(crate) async fn look(self) -> Option<V> {
        let engine = &self.cache.engine;
        engine.look_everywhere(HashedKey::new(engine.hash(&self.key), self.key), self.wishes).await
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
        Box::pin(async move { CallError::surely(self.ask().await) })
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
