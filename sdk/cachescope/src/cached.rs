//! A wrapped function with its cache.

use std::borrow::Borrow;
use std::collections::{HashMap, HashSet};
use std::convert::Infallible;
use std::fmt;
use std::hash::Hash;
use std::marker::PhantomData;
use std::pin::Pin;
use std::sync::Arc;

#[cfg(feature = "shared")]
use cachescope_core::shared::{StoreError, StoreSize};
use cachescope_core::{HashedKey, HashedRef, Naming, Store};

use crate::default_store::DefaultStore;
use crate::engine::Engine;
use crate::error::CallError;
use crate::insight::Insight;
use crate::live::Live;
use crate::look_up::Missed;
use crate::manner::Async;
use crate::metrics::CacheMetrics;
use crate::policy::Wishes;
use crate::request::{Fallible, Request, Value};
use crate::seen::Seen;

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
/// `E` is the error type of the wrapped function, [`Infallible`] if it returns none; `S` is the store; `M` is how it is
/// called: [`Async`], or `sync::Blocking`.
pub struct Cached<K, V, E = Infallible, S = DefaultStore<K, V>, M = Async> {
    pub(crate) engine: Arc<Engine<K, V, E, S>>,
    manner: PhantomData<fn() -> M>,
}

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

    /// The values of many keys: each from the cache, from a load under way, or from one load of all that are missing
    /// then, if the cache has a [batch loader](crate::Builder::batch_load). See [`Cached::try_get_many`].
    ///
    /// # Panics
    /// If the batch loader panics.
    pub async fn get_many(&self, keys: impl IntoIterator<Item = K>) -> HashMap<K, V> {
        CallError::surely(self.try_get_many(keys).await)
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

    /// The values of many keys: each from the cache, from a load under way, or from one load of all that are missing
    /// then, if the cache has a [batch loader](crate::Builder::batch_load). Without one they are loaded each by itself,
    /// at the same time.
    ///
    /// Each key is a request of its own, in its own right hit, stale or coalesced. The load of the missing ones counts
    /// as one, by the request of one of them, whose result is `miss`; the others are `coalesced` with it. A key that
    /// the batch loader gives no value for isn't in the answer.
    ///
    /// # Errors
    /// As [`Cached::try_call`], if any key has no answer but an error; what was loaded of others is stored.
    ///
    /// # Panics
    /// If the batch loader panics. One of the missing keys' requests then ends with the panic, the others as cancelled.
    pub async fn try_get_many(&self, keys: impl IntoIterator<Item = K>) -> Result<HashMap<K, V>, CallError<E>> {
        let keys = HashSet::from_iter(keys);
        self.engine.get_many(keys).await
    }

    /// Waits until the shared store has been told what was dropped and inserted here; that goes on behind requests
    /// otherwise, and is tried again with those that look for it.
    ///
    /// # Errors
    /// If the store fails: it is told later. Until then this cache doesn't believe what it holds of those keys; other
    /// processes may.
    #[cfg(feature = "shared")]
    pub async fn flush(&self) -> Result<(), StoreError> {
        match &self.engine.shared {
            Some(shared) => shared.deliver(self.engine.books()).await,
            None => Ok(()),
        }
    }

    /// How much the shared store holds of this cache, and whether that is counted or estimated. Asks the store, which
    /// may take it a while; how full it was a minute ago at most is in [`Stats::levels`](crate::Stats::levels).
    ///
    /// # Errors
    /// If the store fails, or takes longer than a minute.
    #[cfg(feature = "shared")]
    pub async fn shared_size(&self) -> Result<StoreSize, StoreError> {
        self.engine.shared_size().await
    }

    /// Ends what the cache does behind requests, and returns once that is over: refreshes and loads whose requests are
    /// gone are cancelled, nothing is cleaned up any more, and metrics that are kept over restarts are saved. From then
    /// on stale entries are loaded as on any miss; all else goes on as before.
    ///
    /// A cache that is dropped ends by itself, with the last load behind a request.
    pub async fn close(&self) {
        self.engine.close().await;
    }
}

impl<K, V, S, M> Cached<K, V, Infallible, S, M>
where
    K: Hash + Eq + Clone + Send + Sync + 'static,
    V: Clone + Send + Sync + 'static,
    S: Store<K, V>,
{
    /// A request with wishes of its own: `cache.request(key).max_age(d).await`.
    ///
    /// # Panics
    /// When it is awaited, as [`Cached::call`].
    pub fn request(&self, key: K) -> Request<'_, K, V, Infallible, S, Value, M> {
        Request::new(self, key)
    }
}

impl<K, V, E, S, M> Cached<K, V, E, S, M>
where
    K: Hash + Eq + Clone + Send + Sync + 'static,
    V: Clone + Send + Sync + 'static,
    E: Send + Sync + 'static,
    S: Store<K, V>,
{
    pub(crate) fn of(engine: Arc<Engine<K, V, E, S>>) -> Self {
        Self { engine, manner: PhantomData }
    }

    /// A hit's value, or the future of whatever else comes of the request.
    ///
    /// Outside of the futures that call it, which therefore keep neither the key nor what was found.
    #[inline(always)]
    pub(crate) fn ask(&self, key: K) -> Result<V, Answering<'_, V, E>> {
        let hash = self.engine.hash(&key);
        match self.engine.look_up(HashedRef::new(hash, &key)) {
            Ok(value) => Ok(value),
            Err(missed) => Err(self.miss(HashedKey::new(hash, key), missed)),
        }
    }

    /// [`Cached::ask`] by reference.
    #[inline(always)]
    pub(crate) fn ask_ref<Q>(&self, key: &Q) -> Result<V, Answering<'_, V, E>>
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ToOwned<Owned = K> + ?Sized,
    {
        let hash = self.engine.hash(key);
        match self.engine.look_up(HashedRef::new(hash, key)) {
            Ok(value) => Ok(value),
            Err(missed) => Err(self.miss(HashedKey::new(hash, key.to_owned()), missed)),
        }
    }

    /// Boxed, so that a hit's future stays small.
    #[cold]
    #[inline(never)]
    fn miss(&self, key: HashedKey<K>, missed: Missed<V>) -> Answering<'_, V, E> {
        Box::pin(self.engine.miss(key, missed))
    }

    /// A request with wishes of its own: `cache.try_request(key).max_age(d).await`.
    ///
    /// # Panics
    /// When it is awaited, as [`Cached::try_call`].
    pub fn try_request(&self, key: K) -> Request<'_, K, V, E, S, Fallible, M> {
        Request::new(self, key)
    }

    /// The value of `key` if the cache has one that may answer, without a load. Counted as a request: its result is
    /// `hit`, `stale` within [`Builder::serve_stale_for`](crate::Builder::serve_stale_for), or `absent`. Looks in memory:
    /// what only a shared store has is absent, and [`Request::only_if_cached`] looks there too.
    ///
    /// ```
    /// let squares = cachescope::cached("math.squares", |n: u64| async move { n * n }).build();
    /// assert_eq!(squares.get_if_present(&12), None);
    /// squares.insert(12, 144);
    /// assert_eq!(squares.get_if_present(&12), Some(144));
    /// ```
    pub fn get_if_present<Q>(&self, key: &Q) -> Option<V>
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        let hash = self.engine.hash(key);
        let looked = self.engine.look_only(HashedRef::new(hash, key), Wishes::default());
        looked.map_or_else(|missed| self.engine.end_look(hash, missed), Some)
    }

    /// What the cache holds of `key` in memory, however old, with its age: for looking into a cache. Not counted as a
    /// request.
    #[must_use]
    pub fn entry<Q>(&self, key: &Q) -> Option<Seen<V>>
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        let entry = self.engine.store.get(HashedRef::new(self.engine.hash(key), key))?;
        Some(Seen::at(entry, self.engine.clock.now()))
    }

    /// Stores a value that was come by otherwise, as a load would have. A load of its key that is under way still
    /// answers those who wait for it, and isn't stored over this value.
    pub fn insert(&self, key: K, value: V) {
        self.engine.insert(HashedKey::new(self.engine.hash(&key), key), value);
    }

    /// Drops the entry of `key`, and its error if one is remembered. A load of it that is under way still answers those
    /// who wait for it, and its value isn't stored. A shared store is told behind this call; until it knows, this cache
    /// doesn't believe what it holds of the key.
    pub fn invalidate<Q>(&self, key: &Q)
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
        S::Naming: Naming<Q>,
    {
        self.engine.invalidate(key);
    }

    /// Drops every entry for which `matches` says true, as [`Cached::invalidate`] drops one; says how many. Loads under
    /// way, of whatever key, still answer those who wait for them, and aren't stored: their values can't be asked yet.
    ///
    /// Looks at every entry. `matches` runs under a lock: it must not call the cache. A shared store can't be asked for
    /// what matches, and drops all that it holds of the cache; how many that were isn't said.
    ///
    /// ```
    /// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
    /// let squares = cachescope::cached("math.squares", |n: u64| async move { n * n }).build();
    /// for n in 0..10 {
    ///     squares.call(n).await;
    /// }
    /// assert_eq!(squares.invalidate_if(|n, square| n % 2 == 0 && *square > 10), 3); // 4, 6 and 8
    /// # });
    /// ```
    pub fn invalidate_if(&self, matches: impl FnMut(&K, &V) -> bool) -> u64 {
        self.engine.invalidate_if(matches)
    }

    /// Drops every entry that has this tag by [`Builder::tags`](crate::Builder::tags), as [`Cached::invalidate_if`]
    /// does; says how many.
    pub fn invalidate_tag(&self, tag: &str) -> u64 {
        self.engine.invalidate_tag(tag)
    }

    /// Drops every entry and every remembered error, as [`Cached::invalidate`] drops one. In a server that may take some
    /// seconds, as the clients of the stores say.
    pub fn clear(&self) {
        self.engine.clear();
    }

    /// Forgets the loads under way: the next request of each of their keys loads anew, and what they give is for those
    /// who wait for them already. Entries stay. For loads that hang.
    pub fn clear_in_flight(&self) {
        self.engine.flights.clear(|| ());
    }

    /// What this cache has counted.
    #[must_use]
    pub fn metrics(&self) -> CacheMetrics<'_> {
        Live::metrics(&*self.engine)
    }

    /// What its numbers mean: what other capacities and lives would give, which keys carry the load, and what to do.
    #[must_use]
    pub fn insight(&self) -> Insight<'_> {
        Live::insight(&*self.engine)
    }

    /// The name given to [`cached`](crate::cached()).
    #[must_use]
    pub fn name(&self) -> &str {
        &self.engine.recorder.identity().cache
    }
}

impl<K, V, E, S, M> Clone for Cached<K, V, E, S, M> {
    fn clone(&self) -> Self {
        Self { engine: Arc::clone(&self.engine), manner: PhantomData }
    }
}

impl<K, V, E, S, M> fmt::Debug for Cached<K, V, E, S, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cached").field("identity", self.engine.recorder.identity()).finish_non_exhaustive()
    }
}
