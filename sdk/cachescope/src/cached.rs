//! A wrapped function with its cache.

use std::borrow::Borrow;
use std::collections::{HashMap, HashSet};
use std::convert::Infallible;
use std::fmt;
use std::hash::Hash;
use std::marker::PhantomData;
use std::pin::Pin;
use std::sync::Arc;

use cachescope_core::{HashedKey, HashedRef, KeyEncoding, Store};

use crate::default_store::DefaultStore;
use crate::engine::Engine;
use crate::engine::freshness::RequestOptions;
use crate::engine::plan::Missed;
use crate::engine::view::View;
use crate::entry_info::EntryInfo;
use crate::error::CallError;
use crate::insight::Insight;
use crate::metrics::CacheMetrics;
use crate::mode::Async;
use crate::request::{Fallible, Request, Value};

/// A function with a cache in front of it. Created by [`cached`](crate::cached()) and
/// [`try_cached`](crate::try_cached).
///
/// Cheap to clone; clones are the same cache. The type can be named, in a struct or in a static:
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
/// Dropping a key or a value must not call its own cache: entries may be dropped while the cache holds a lock on them.
///
/// `E` is the error type of the wrapped function, or [`Infallible`] if it returns no error. `S` is the store. `M` is
/// [`Async`], or `sync::Blocking` for caches that are called without `.await`.
pub struct Cached<K, V, E = Infallible, S = DefaultStore<K, V>, M = Async> {
    pub(crate) engine: Arc<Engine<K, V, E, S>>,
    mode: PhantomData<fn() -> M>,
}

impl<K, V, S> Cached<K, V, Infallible, S>
where
    K: Hash + Eq + Clone + Send + Sync + 'static,
    V: Clone + Send + Sync + 'static,
    S: Store<K, V>,
{
    /// Returns the value of `key`: from the cache, from a load under way, or loaded now.
    ///
    /// A hit is answered on the first poll, without allocation. Cancel safe: the future may be dropped at any point. A
    /// load that it ran is then cancelled, and a request that waited for that load runs the loader again.
    ///
    /// # Panics
    /// If the load that this call runs panics. Calls that waited for that load don't panic: one of them loads.
    pub async fn call(&self, key: K) -> V {
        match self.ask(key) {
            Ok(value) => value,
            Err(answering) => CallError::into_ok(answering.await),
        }
    }

    /// Returns the values of many keys: each from the cache, from a load under way, or from one load of all missing
    /// keys, if the cache has a [batch loader](crate::Builder::batch_load). See [`Cached::try_get_many`].
    ///
    /// # Panics
    /// If the batch loader panics.
    pub async fn get_many(&self, keys: impl IntoIterator<Item = K>) -> HashMap<K, V> {
        CallError::into_ok(self.try_get_many(keys).await)
    }

    /// Returns the value of a borrowed key. The key is cloned only on a miss. See [`Cached::call`].
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
            Err(answering) => CallError::into_ok(answering.await),
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
    /// Returns the value of `key`: from the cache, from a load under way, or loaded now.
    ///
    /// A hit is answered on the first poll, without allocation. Cancel safe: the future may be dropped at any point. A
    /// load that it ran is then cancelled, and a request that waited for that load runs the loader again.
    ///
    /// # Errors
    /// [`CallError::Load`] with the error of the wrapped function, in this call or in the call it waited for. Errors
    /// aren't stored, unless [`Builder::cache_errors_for`](crate::Builder::cache_errors_for) remembers them.
    ///
    /// # Panics
    /// If the load that this call runs panics. Calls that waited for that load don't panic: one of them loads.
    pub async fn try_call(&self, key: K) -> Result<V, CallError<E>> {
        match self.ask(key) {
            Ok(value) => Ok(value),
            Err(answering) => answering.await,
        }
    }

    /// Returns the value of a borrowed key. The key is cloned only on a miss. See [`Cached::try_call`].
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

    /// Returns the values of many keys: each from the cache, from a load under way, or from one load of all missing
    /// keys, if the cache has a [batch loader](crate::Builder::batch_load). Without a batch loader, the missing keys
    /// are loaded separately, at the same time.
    ///
    /// Each key is a request with a result of its own. The load of the missing keys counts as one, by the request of
    /// one of them, whose result is `miss`; the others are `coalesced` with it. A key that the batch loader returns no
    /// value for isn't in the answer.
    ///
    /// # Errors
    /// As [`Cached::try_call`], if any key has an error. The loaded values of the other keys are stored.
    ///
    /// # Panics
    /// If the batch loader panics. The request of one missing key then ends with the panic, the others as cancelled.
    pub async fn try_get_many(&self, keys: impl IntoIterator<Item = K>) -> Result<HashMap<K, V>, CallError<E>> {
        let keys = HashSet::from_iter(keys);
        self.engine.get_many(keys).await
    }

    /// Ends the background work of the cache, and returns once it has ended: refreshes and loads without a request are
    /// cancelled, clean-ups stop, and persisted metrics are saved. Afterwards, stale entries are loaded as on any miss;
    /// everything else works as before.
    ///
    /// The background work of a dropped cache ends by itself, with its last load.
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
    /// Returns a request with options of its own: `cache.request(key).max_age(d).await`.
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
        Self { engine, mode: PhantomData }
    }

    /// Returns a hit's value, or the future of every other answer.
    ///
    /// Not part of the calling futures, so that they hold neither the key nor the entry.
    #[inline(always)]
    pub(crate) fn ask(&self, key: K) -> Result<V, Answering<'_, V, E>> {
        let hash = self.engine.memory.hash(&key);
        match self.engine.look_up(HashedRef::new(hash, &key)) {
            Ok(value) => Ok(value),
            Err(missed) => Err(self.miss(HashedKey::new(hash, key), missed)),
        }
    }

    /// Returns a hit's value by a borrowed key, or the future of every other answer.
    #[inline(always)]
    pub(crate) fn ask_ref<Q>(&self, key: &Q) -> Result<V, Answering<'_, V, E>>
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ToOwned<Owned = K> + ?Sized,
    {
        let hash = self.engine.memory.hash(key);
        match self.engine.look_up(HashedRef::new(hash, key)) {
            Ok(value) => Ok(value),
            Err(missed) => Err(self.miss(HashedKey::new(hash, key.to_owned()), missed)),
        }
    }

    /// Boxed, so that the future of a hit stays small.
    #[cold]
    #[inline(never)]
    fn miss(&self, key: HashedKey<K>, missed: Missed<V>) -> Answering<'_, V, E> {
        Box::pin(self.engine.miss(key, missed))
    }

    /// Returns a request with options of its own: `cache.try_request(key).max_age(d).await`.
    ///
    /// # Panics
    /// When it is awaited, as [`Cached::try_call`].
    pub fn try_request(&self, key: K) -> Request<'_, K, V, E, S, Fallible, M> {
        Request::new(self, key)
    }

    /// Returns the value of `key` if memory has an entry that may answer, without a load. Counted as a request with the
    /// result `hit`, `stale` (within [`Builder::serve_stale_for`](crate::Builder::serve_stale_for)) or `absent`.
    ///
    /// An entry that only the shared store has is absent; [`Request::only_if_cached`] looks there too.
    ///
    /// ```
    /// let squares = cachescope::cached("math.squares", |n: u64| async move { n * n }).build();
    /// assert_eq!(squares.get_if_present(&12), None);
    /// squares.insert(12, 144);
    /// assert_eq!(squares.get_if_present(&12), Some(144));
    /// ```
    #[doc(alias = "get")]
    pub fn get_if_present<Q>(&self, key: &Q) -> Option<V>
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        let hash = self.engine.memory.hash(key);
        let looked = self.engine.lookup_only(HashedRef::new(hash, key), RequestOptions::default());
        looked.map_or_else(|missed| self.engine.finish_lookup(hash, missed), Some)
    }

    /// Returns the entry of `key` in memory with its age, however old. For inspection: not counted as a request.
    #[must_use]
    #[doc(alias = "entry")]
    pub fn peek<Q>(&self, key: &Q) -> Option<EntryInfo<V>>
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        let entry = self.engine.memory.store.get(HashedRef::new(self.engine.memory.hash(key), key))?;
        Some(EntryInfo::at(entry, self.engine.clock.now()))
    }

    /// Inserts a value without running the loader. A load of the key that is under way still answers its followers, and
    /// isn't stored over this value.
    #[doc(alias = "put")]
    #[doc(alias = "set")]
    pub fn insert(&self, key: K, value: V) {
        self.engine.insert(HashedKey::new(self.engine.memory.hash(&key), key), value);
    }

    /// Removes the entry of `key`, and its remembered error. A load of the key that is under way still answers its
    /// followers, and its value isn't stored.
    ///
    /// The removal reaches a shared store in the background. Until then, this cache doesn't trust the store's entry of the key.
    #[doc(alias = "evict")]
    #[doc(alias = "remove")]
    pub fn invalidate<Q>(&self, key: &Q)
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
        S::KeyEncoding: KeyEncoding<Q>,
    {
        self.engine.invalidate(key);
    }

    /// Removes all entries for which `matches` returns true, and returns their number. Loads under way, of any key,
    /// still answer their followers and aren't stored: `matches` can't see their values yet.
    ///
    /// Visits every entry. `matches` runs under a lock: it must not call the cache. A shared store can't evaluate
    /// `matches`, so it removes all entries of this cache, which the returned number doesn't include.
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

    /// Removes all entries with this tag, and returns their number. The tags are those of
    /// [`Builder::tags`](crate::Builder::tags). Works and costs as [`Cached::invalidate_if`].
    pub fn invalidate_tag(&self, tag: &str) -> u64 {
        self.engine.invalidate_tag(tag)
    }

    /// Removes every entry and every remembered error. Loads under way aren't stored. In a shared store this may take
    /// some seconds, in the background.
    #[doc(alias = "invalidate_all")]
    #[doc(alias = "flush")]
    pub fn clear(&self) {
        self.engine.clear();
    }

    /// Forgets the loads under way, for loads that hang: the next request of each key starts a new load, and the old
    /// loads answer only the requests that wait for them already. Entries stay.
    pub fn clear_in_flight(&self) {
        self.engine.loading.flights.clear(|| ());
    }

    /// Returns the metrics of this cache.
    #[must_use]
    pub fn metrics(&self) -> CacheMetrics<'_> {
        View::metrics(&*self.engine)
    }

    /// Returns what the metrics mean: the hit rate at other capacities and TTLs, the hot keys, and advice.
    #[must_use]
    pub fn insight(&self) -> Insight<'_> {
        View::insight(&*self.engine)
    }

    /// Returns the name given to [`cached`](crate::cached()).
    #[must_use]
    pub fn name(&self) -> &str {
        &self.engine.recorder.identity().name
    }
}

impl<K, V, E, S, M> Clone for Cached<K, V, E, S, M> {
    fn clone(&self) -> Self {
        Self { engine: Arc::clone(&self.engine), mode: PhantomData }
    }
}

impl<K, V, E, S, M> fmt::Debug for Cached<K, V, E, S, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cached").field("identity", self.engine.recorder.identity()).finish_non_exhaustive()
    }
}
