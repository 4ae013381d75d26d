//! Caches of blocking functions: the same cache, called without `.await`.
//!
//! A call that waits for another call's load blocks its thread, and a load runs in the thread that missed. Don't call
//! such a cache from async code where blocking would matter. Refreshes in the background run on a pool of threads that
//! all such caches share, outside of any async runtime.
//!
//! ```
//! use std::time::Duration;
//! use cachescope::sync;
//!
//! let squares = sync::cached("math.squares", |n: u64| n * n).stale_after(Duration::from_secs(60)).build();
//! assert_eq!(squares.call(12), 144);
//! ```

use std::borrow::Borrow;
use std::collections::{HashMap, HashSet};
use std::convert::Infallible;
use std::hash::Hash;

use cachescope_core::Store;

use crate::builder::Builder;
use crate::default_store::{DefaultConfig, DefaultStore};
use crate::engine::background::Runs;
use crate::engine::loader::Loader;
use crate::error::CallError;
use crate::mode::{Mode, sealed};
use crate::request::{Fallible, Present, Request, Value};

/// The mode of a cache that is called without `.await`.
#[derive(Debug)]
pub enum Blocking {}

impl Mode for Blocking {}

impl sealed::Sealed for Blocking {
    const RUNS: Runs = Runs::OnThreads;
}

/// A blocking function with a cache in front of it. Created by [`cached`] and [`try_cached`].
///
/// A load must not request its own key from its own cache: it would wait for itself.
pub type Cached<K, V, E = Infallible, S = DefaultStore<K, V>> = crate::Cached<K, V, E, S, Blocking>;

/// Wraps a blocking function that returns a value. The counterpart of [`cachescope::cached`](crate::cached()).
///
/// ```
/// let squares = cachescope::sync::cached("math.squares", |n: u64| n * n).build();
/// assert_eq!(squares.call(12), 144);
/// ```
pub fn cached<K, V, F>(name: impl Into<String>, load: F) -> Builder<K, V, Infallible, DefaultConfig<K, V>, Blocking>
where
    K: Send + 'static,
    F: Fn(K) -> V + Send + Sync + 'static,
    V: Send + 'static,
{
    Builder::wrap(name.into(), Loader::blocking(move |key| Ok(load(key))), None)
}

/// Wraps a blocking function that returns a `Result`. The counterpart of [`cachescope::try_cached`](crate::try_cached).
///
/// ```
/// let size = cachescope::sync::try_cached("file.size", |path: String| std::fs::metadata(path).map(|file| file.len())).build();
/// assert!(size.try_call("no/such/file".to_owned()).is_err());
/// ```
pub fn try_cached<K, V, E, F>(name: impl Into<String>, load: F) -> Builder<K, V, E, DefaultConfig<K, V>, Blocking>
where
    K: Send + 'static,
    F: Fn(K) -> Result<V, E> + Send + Sync + 'static,
    V: Send + 'static,
    E: Send + 'static,
{
    Builder::wrap(name.into(), Loader::blocking(load), Some(std::any::type_name::<E>()))
}

impl<K, V, E, C> Builder<K, V, E, C, Blocking>
where
    K: Send + 'static,
    V: Send + 'static,
    E: Send + 'static,
{
    /// Sets the loader for all keys that [`Cached::get_many`](Cached::get_many) misses. It returns pairs of key and
    /// value, in any order; a key without a pair has no value. Default: each key is loaded separately, one after the
    /// other.
    pub fn batch_load<F, P>(self, load: F) -> Self
    where
        F: Fn(Vec<K>) -> P + Send + Sync + 'static,
        P: IntoIterator<Item = (K, V)>,
    {
        self.try_batch_load(move |keys| Ok(load(keys)))
    }

    /// Sets a batch loader that returns a `Result`: an error is the error of every key that it was to load. See
    /// [`Builder::batch_load`](Self::batch_load).
    pub fn try_batch_load<F, P>(mut self, load: F) -> Self
    where
        F: Fn(Vec<K>) -> Result<P, E> + Send + Sync + 'static,
        P: IntoIterator<Item = (K, V)>,
    {
        self.batch_loader = Some(Loader::blocking(move |keys| Ok(load(keys)?.into_iter().collect())));
        self
    }
}

impl<K, V, S> Cached<K, V, Infallible, S>
where
    K: Hash + Eq + Clone + Send + Sync + 'static,
    V: Clone + Send + Sync + 'static,
    S: Store<K, V>,
{
    /// Returns the value of `key`: from the cache, from a load under way, or loaded now. A hit takes no lock of this
    /// crate.
    ///
    /// # Panics
    /// If the load that this call runs panics. Calls that waited for that load don't panic: one of them loads.
    pub fn call(&self, key: K) -> V {
        CallError::into_ok(self.try_call(key))
    }

    /// Returns the values of many keys. See [`Cached::try_get_many`](Self::try_get_many).
    ///
    /// # Panics
    /// If the batch loader panics.
    pub fn get_many(&self, keys: impl IntoIterator<Item = K>) -> HashMap<K, V> {
        CallError::into_ok(self.try_get_many(keys))
    }

    /// Returns the value of a borrowed key. The key is cloned only on a miss. See [`Cached::call`](Self::call).
    ///
    /// # Panics
    /// As [`Cached::call`](Self::call).
    pub fn call_ref<Q>(&self, key: &Q) -> V
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ToOwned<Owned = K> + ?Sized,
    {
        CallError::into_ok(self.try_call_ref(key))
    }
}

impl<K, V, E, S> Cached<K, V, E, S>
where
    K: Hash + Eq + Clone + Send + Sync + 'static,
    V: Clone + Send + Sync + 'static,
    E: Send + Sync + 'static,
    S: Store<K, V>,
{
    /// Returns the value of `key`: from the cache, from a load under way, or loaded now. A hit takes no lock of this
    /// crate.
    ///
    /// # Errors
    /// [`CallError::Load`] with the error of the wrapped function, in this call or in the call it waited for.
    ///
    /// # Panics
    /// If the load that this call runs panics. Calls that waited for that load don't panic: one of them loads.
    pub fn try_call(&self, key: K) -> Result<V, CallError<E>> {
        self.ask(key).or_else(pollster::block_on)
    }

    /// Returns the values of many keys: each from the cache, from a load under way, or from one load of all missing
    /// keys, if the cache has a batch loader. Counted as
    /// [`cachescope::Cached::try_get_many`](crate::Cached::try_get_many).
    ///
    /// # Errors
    /// As [`Cached::try_call`](Self::try_call), if any key has an error.
    ///
    /// # Panics
    /// If the batch loader panics.
    pub fn try_get_many(&self, keys: impl IntoIterator<Item = K>) -> Result<HashMap<K, V>, CallError<E>> {
        pollster::block_on(self.engine.get_many(HashSet::from_iter(keys)))
    }

    /// Returns the value of a borrowed key. The key is cloned only on a miss. See [`Cached::try_call`](Self::try_call).
    ///
    /// # Errors
    /// As [`Cached::try_call`](Self::try_call).
    ///
    /// # Panics
    /// As [`Cached::try_call`](Self::try_call).
    pub fn try_call_ref<Q>(&self, key: &Q) -> Result<V, CallError<E>>
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ToOwned<Owned = K> + ?Sized,
    {
        self.ask_ref(key).or_else(pollster::block_on)
    }

    /// Ends the background work of the cache, and returns once it has ended: waits for a running refresh, and saves
    /// persisted metrics. Afterwards, stale entries are loaded as on any miss; everything else works as before.
    pub fn close(&self) {
        pollster::block_on(self.engine.close());
    }
}

impl<K, V, E, S> Request<'_, K, V, E, S, Fallible, Blocking>
where
    K: Hash + Eq + Clone + Send + Sync + 'static,
    V: Clone + Send + Sync + 'static,
    E: Send + Sync + 'static,
    S: Store<K, V>,
{
    /// Runs the request.
    ///
    /// # Errors
    /// As [`Cached::try_call`].
    ///
    /// # Panics
    /// As [`Cached::try_call`].
    pub fn get(self) -> Result<V, CallError<E>> {
        pollster::block_on(self.ask())
    }
}

impl<K, V, S> Request<'_, K, V, Infallible, S, Value, Blocking>
where
    K: Hash + Eq + Clone + Send + Sync + 'static,
    V: Clone + Send + Sync + 'static,
    S: Store<K, V>,
{
    /// Runs the request.
    ///
    /// # Panics
    /// As [`Cached::try_call`].
    pub fn get(self) -> V {
        CallError::into_ok(pollster::block_on(self.ask()))
    }
}

impl<K, V, E, S> Request<'_, K, V, E, S, Present, Blocking>
where
    K: Hash + Eq + Clone + Send + Sync + 'static,
    V: Clone + Send + Sync + 'static,
    E: Send + Sync + 'static,
    S: Store<K, V>,
{
    /// Runs the request.
    pub fn get(self) -> Option<V> {
        pollster::block_on(self.look())
    }
}
