//! Caches of blocking functions: the same cache, called without `.await`.
//!
//! A call that waits for another's load blocks its thread, and a load runs in the thread that missed; so don't call
//! one from async code where that would matter. Renewals behind requests run on threads that all such caches share,
//! outside of any async runtime.
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

use crate::background::Runs;
use crate::builder::Builder;
use crate::default_store::{DefaultConfig, DefaultStore};
use crate::error::CallError;
use crate::loader::Loader;
use crate::manner::{Manner, sealed};
use crate::request::{Fallible, Present, Request, Value};

/// A cache of a blocking function, called without `.await`.
#[derive(Debug)]
pub enum Blocking {}

impl Manner for Blocking {}

impl sealed::Sealed for Blocking {
    const RUNS: Runs = Runs::OnThreads;
}

/// A blocking function with a cache before it. Made by [`cached`] and [`try_cached`].
///
/// A load must not ask its own cache for its own key: it would wait for itself.
pub type Cached<K, V, E = Infallible, S = DefaultStore<K, V>> = crate::Cached<K, V, E, S, Blocking>;

/// Wraps a blocking function that returns a value: [`cachescope::cached`](crate::cached()) without `async`.
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

/// Wraps a blocking function that returns a `Result`: [`cachescope::try_cached`](crate::try_cached) without `async`.
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
    /// Loads the keys that [`Cached::get_many`](Cached::get_many) misses in one go: pairs of key and value, in any
    /// order; for a key that it leaves out there is no value. Default: each is loaded by itself, one after the other.
    pub fn batch_load<F, P>(self, load: F) -> Self
    where
        F: Fn(Vec<K>) -> P + Send + Sync + 'static,
        P: IntoIterator<Item = (K, V)>,
    {
        self.try_batch_load(move |keys| Ok(load(keys)))
    }

    /// [`Builder::batch_load`](Self::batch_load) with a function that returns a `Result`: its error is that of each
    /// key it was to load.
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
    /// The value of `key`: from the cache, from a load under way, or loaded now. A hit takes no lock of this crate's.
    ///
    /// # Panics
    /// If the load that this call runs panics. Calls that waited for it don't: one of them loads.
    pub fn call(&self, key: K) -> V {
        CallError::surely(self.try_call(key))
    }

    /// The values of many keys, as [`Cached::try_get_many`](Self::try_get_many).
    ///
    /// # Panics
    /// If the batch loader panics.
    pub fn get_many(&self, keys: impl IntoIterator<Item = K>) -> HashMap<K, V> {
        CallError::surely(self.try_get_many(keys))
    }

    /// [`Cached::call`](Self::call) by reference: the key is cloned only on a miss.
    ///
    /// # Panics
    /// As [`Cached::call`](Self::call).
    pub fn call_ref<Q>(&self, key: &Q) -> V
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ToOwned<Owned = K> + ?Sized,
    {
        CallError::surely(self.try_call_ref(key))
    }
}

impl<K, V, E, S> Cached<K, V, E, S>
where
    K: Hash + Eq + Clone + Send + Sync + 'static,
    V: Clone + Send + Sync + 'static,
    E: Send + Sync + 'static,
    S: Store<K, V>,
{
    /// The value of `key`: from the cache, from a load under way, or loaded now. A hit takes no lock of this crate's.
    ///
    /// # Errors
    /// [`CallError::Load`] with what the wrapped function returned, to this call or to the one it waited for.
    ///
    /// # Panics
    /// If the load that this call runs panics. Calls that waited for it don't: one of them loads.
    pub fn try_call(&self, key: K) -> Result<V, CallError<E>> {
        self.ask(key).or_else(pollster::block_on)
    }

    /// The values of many keys: each from the cache, from a load under way, or from one load of all that are missing
    /// then, if the cache has a batch loader. Counted as those of
    /// [`cachescope::Cached::try_get_many`](crate::Cached::try_get_many).
    ///
    /// # Errors
    /// As [`Cached::try_call`](Self::try_call), if any key has no answer but an error.
    ///
    /// # Panics
    /// If the batch loader panics.
    pub fn try_get_many(&self, keys: impl IntoIterator<Item = K>) -> Result<HashMap<K, V>, CallError<E>> {
        pollster::block_on(self.engine.get_many(HashSet::from_iter(keys)))
    }

    /// [`Cached::try_call`](Self::try_call) by reference: the key is cloned only on a miss.
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

    /// Ends what the cache does behind requests, and returns once that is over; a renewal that runs is waited for, and
    /// metrics that are kept over restarts are saved. From then on stale entries are loaded as on any miss; all else goes on as before.
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
    /// Makes the request.
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
    /// Makes the request.
    ///
    /// # Panics
    /// As [`Cached::try_call`].
    pub fn get(self) -> V {
        CallError::surely(pollster::block_on(self.ask()))
    }
}

impl<K, V, E, S> Request<'_, K, V, E, S, Present, Blocking>
where
    K: Hash + Eq + Clone + Send + Sync + 'static,
    V: Clone + Send + Sync + 'static,
    E: Send + Sync + 'static,
    S: Store<K, V>,
{
    /// Makes the request.
    pub fn get(self) -> Option<V> {
        pollster::block_on(self.look())
    }
}
