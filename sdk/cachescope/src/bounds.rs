//! What keys, values and errors have to be able to, said once for all parts of the engine. What users call says it in
//! full.

use std::hash::Hash;

/// What a cache can be asked by.
pub(crate) trait CacheKey: Hash + Eq + Clone + Send + Sync + 'static {}
impl<T: Hash + Eq + Clone + Send + Sync + 'static> CacheKey for T {}

/// What a cache can hold.
pub(crate) trait CacheValue: Clone + Send + Sync + 'static {}
impl<T: Clone + Send + Sync + 'static> CacheValue for T {}

/// What those who wait for a load can share.
pub(crate) trait LoadError: Send + Sync + 'static {}
impl<T: Send + Sync + 'static> LoadError for T {}
