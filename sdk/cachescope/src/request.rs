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
use crate::policy::{Mode, Options};

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
/// # });
/// ```
///
/// `A` tells what it answers with: a [`Value`], or a [`Fallible`] result.
#[must_use = "a request is made when it is awaited"]
#[derive(Debug)]
pub struct Request<'a, K, V, E, S = DefaultStore<K, V>, A = Fallible> {
    cache: &'a Cached<K, V, E, S>,
    key: K,
    options: Options,
    answers: PhantomData<A>,
}

/// Awaiting the request gives a value: its load can't fail.
#[derive(Debug)]
pub struct Value(());

/// Awaiting the request gives a result.
#[derive(Debug)]
pub struct Fallible(());

impl<'a, K, V, E, S, A> Request<'a, K, V, E, S, A> {
    pub(crate) fn new(cache: &'a Cached<K, V, E, S>, key: K) -> Self {
        Self { cache, key, options: Options::default(), answers: PhantomData }
    }

    /// Takes nothing older than this, however fresh: such an entry is loaded anew, for others too.
    pub fn max_age(mut self, max_age: Duration) -> Self {
        self.options.max_age = Some(max_age);
        self
    }

    /// Leaves the cache aside: loads, alone, and stores nothing. Its result is `bypass`.
    pub fn bypass(mut self) -> Self {
        self.options.mode = Mode::Bypass;
        self
    }

    /// Loads without having looked, and stores the value over what is there. Its result is `bypass`. Of several that
    /// overlap each loads, and the value of the one that began last is stored.
    pub fn overwrite(mut self) -> Self {
        self.options.mode = Mode::Overwrite;
        self
    }
}

impl<K, V, E, S, A> Request<'_, K, V, E, S, A>
where
    K: Hash + Eq + Clone + Send + Sync + 'static,
    V: Clone + Send + Sync + 'static,
    E: Send + Sync + 'static,
    S: Store<K, V>,
{
    async fn ask(self) -> Result<V, CallError<E>> {
        let engine = &self.cache.0;
        engine.ask(HashedKey::new(engine.hash(&self.key), self.key), self.options).await
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
