//! The bounds of keys, values and errors, named once for the whole engine. Public items spell them out.

use std::hash::Hash;

/// A key of a cache.
pub(crate) trait CacheKey: Hash + Eq + Clone + Send + Sync + 'static {}
impl<T: Hash + Eq + Clone + Send + Sync + 'static> CacheKey for T {}

/// A value of a cache.
pub(crate) trait CacheValue: Clone + Send + Sync + 'static {}
impl<T: Clone + Send + Sync + 'static> CacheValue for T {}

/// An error that all requests of a flight share.
pub(crate) trait LoadError: Send + Sync + 'static {}
impl<T: Send + Sync + 'static> LoadError for T {}
