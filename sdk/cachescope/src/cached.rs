//! A wrapped function with its cache.

use std::borrow::Borrow;
use std::convert::Infallible;
use std::fmt;
use std::hash::Hash;
use std::pin::Pin;
use std::sync::Arc;

use cachescope_core::{HashedKey, HashedRef, Store};

use crate::default_store::DefaultStore;
use crate::engine::Engine;
use crate::error::CallError;
use crate::live::Live;
use crate::look_up::Missed;
use crate::metrics::CacheMetrics;
use crate::request::{Fallible, Request, Value};

/// A function with a cache before it. Made by [`cached`](crate::cached()) and [`try_cached`](crate::try_cached).
///
/// Cheap to clone; clones are the same cache. It is a type one can name: in a struct, or in a static.
///
/// ```
/// use std::sync::LazyLock;
/// use cachescope::{Cached, cached};
///
/// static SQUARES: LazyLock<Cached<u64, u64>> =
///     LazyLock::new(|| cached("math.squares", |n: u64| async move { n * n }).build());
///
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// assert_eq!(SQUARES.call(12).await, 144);
/// # });
/// ```
///
/// Dropping a key or a value must not call the cache it was in: entries may be dropped while the cache holds a
/// lock on them.
///
/// `E` is the error type of the wrapped function, [`Infallible`] if it returns none; `S` is the store.
pub struct Cached<K, V, E = Infallible, S = DefaultStore<K, V>>(pub(crate) Arc<Engine<K, V, E, S>>);

impl<K, V, S> Cached<K, V, Infallible, S>
where
    K: Hash + Eq + Clone + Send + Sync + 'static,
    V: Clone + Send + Sync + 'static,
    S: Store<K, V>,
{
    /// The value of `key`: from the cache, from a load under way, or loaded now.
    ///
    /// A hit is answered on the first poll, without allocation. The future may be dropped at any point;
    /// a load it was running ends with it, and a request that waited for that load takes over.
    ///
    /// # Panics
    /// If the load that this call runs panics. Calls that waited for it don't: one of them loads.
    pub async fn call(&self, key: K) -> V {
        match self.ask(key) {
            Ok(value) => value,
            Err(answering) => CallError::surely(answering.await),
        }
    }

    /// A request with wishes of its own: `cache.request(key).max_age(d).await`.
    ///
    /// # Panics
    /// When it is awaited, as [`Cached::call`].
    pub fn request(&self, key: K) -> Request<'_, K, V, Infallible, S, Value> {
        Request::new(self, key)
    }

    /// [`Cached::call`] by reference: the key is cloned only on a miss.
    ///
    /// # Panics
    /// As [`Cached::call`].
    pub async fn call_ref<Q>(&self, key: &Q) -> V
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ToOwned<Owned = K> + Sync + ?Sized,
    {
        match self.ask_ref(key) {
            Ok(value) => value,
            Err(answering) => CallError::surely(answering.await),
        }
    }
}

type Answering<'a, V, E> = Pin<Box<dyn Future<Output = Result<V, CallError<E>>> + Send + 'a>>;

impl<K, V, E, S> Cached<K, V, E, S>
where
    K: Hash + Eq + Clone + Send + Sync + 'static,
    V: Clone + Send + Sync + 'static,
    E: Send + Sync + 'static,
    S: Store<K, V>,
{
    /// The value of `key`: from the cache, from a load under way, or loaded now.
    ///
    /// A hit is answered on the first poll, without allocation. The future may be dropped at any point;
    /// a load it was running ends with it, and a request that waited for that load takes over.
    ///
    /// # Errors
    /// [`CallError::Load`] with what the wrapped function returned, to this call or to the one it waited
    /// for. Errors aren't stored.
    ///
    /// # Panics
    /// If the load that this call runs panics. Calls that waited for it don't: one of them loads.
    pub async fn try_call(&self, key: K) -> Result<V, CallError<E>> {
        match self.ask(key) {
            Ok(value) => Ok(value),
            Err(answering) => answering.await,
        }
    }

    /// A request with wishes of its own: `cache.try_request(key).max_age(d).await`.
    ///
    /// # Panics
    /// When it is awaited, as [`Cached::try_call`].
    pub fn try_request(&self, key: K) -> Request<'_, K, V, E, S, Fallible> {
        Request::new(self, key)
    }

    /// [`Cached::try_call`] by reference: the key is cloned only on a miss.
    ///
    /// # Errors
    /// As [`Cached::try_call`].
    ///
    /// # Panics
    /// As [`Cached::try_call`].
    pub async fn try_call_ref<Q>(&self, key: &Q) -> Result<V, CallError<E>>
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ToOwned<Owned = K> + Sync + ?Sized,
    {
        match self.ask_ref(key) {
            Ok(value) => Ok(value),
            Err(answering) => answering.await,
        }
    }

    /// A hit's value, or the future of whatever else comes of the request.
    ///
    /// Outside of the futures that call it, which therefore keep neither the key nor what was found.
    #[inline(always)]
    fn ask(&self, key: K) -> Result<V, Answering<'_, V, E>> {
        let hash = self.0.hash(&key);
        match self.0.look_up(HashedRef::new(hash, &key)) {
            Ok(value) => Ok(value),
            Err(missed) => Err(self.miss(HashedKey::new(hash, key), missed)),
        }
    }

    /// [`Cached::ask`] by reference.
    #[inline(always)]
    fn ask_ref<Q>(&self, key: &Q) -> Result<V, Answering<'_, V, E>>
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ToOwned<Owned = K> + ?Sized,
    {
        let hash = self.0.hash(key);
        match self.0.look_up(HashedRef::new(hash, key)) {
            Ok(value) => Ok(value),
            Err(missed) => Err(self.miss(HashedKey::new(hash, key.to_owned()), missed)),
        }
    }

    /// Boxed, so that a hit's future stays small.
    #[cold]
    #[inline(never)]
    fn miss(&self, key: HashedKey<K>, missed: Missed<V>) -> Answering<'_, V, E> {
        Box::pin(self.0.miss(key, missed))
    }

    /// Stores a value that was come by otherwise, as a load would have. A load of its key that is under way still
    /// answers those who wait for it, and isn't stored over this value.
    pub fn insert(&self, key: K, value: V) {
        self.0.insert(HashedKey::new(self.0.hash(&key), key), value);
    }

    /// Drops the entry of `key`. A load of it that is under way still answers those who wait for it, and
    /// its value isn't stored.
    pub fn invalidate<Q>(&self, key: &Q)
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        self.0.invalidate(key);
    }

    /// Drops every entry, as [`Cached::invalidate`] drops one.
    pub fn clear(&self) {
        self.0.clear();
    }

    /// What this cache has counted.
    #[must_use]
    pub fn metrics(&self) -> CacheMetrics<'_> {
        Live::metrics(&*self.0)
    }

    /// The name given to [`cached`](crate::cached()).
    #[must_use]
    pub fn name(&self) -> &str {
        &self.0.recorder.identity().cache
    }
}

impl<K, V, E, S> Clone for Cached<K, V, E, S> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<K, V, E, S> fmt::Debug for Cached<K, V, E, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cached").field("identity", self.0.recorder.identity()).finish_non_exhaustive()
    }
}
