//! A shared store that is bound to one cache.

use std::fmt;
use std::sync::Arc;

use super::byte_store::ByteStore;
use super::scope::Scope;
use super::settings::SharedSettings;
use super::wire::Wire;

/// A shared store that is bound to one cache.
pub struct SharedStore<K, V> {
    /// The store of the bytes.
    pub store: Arc<dyn ByteStore>,
    /// The scope of this cache in the store.
    pub scope: Scope,
    /// Converts a key to JSON, from which the name of its entry is made. Returns `None` if the key can't be serialized.
    pub key_to_json: fn(&K) -> Option<String>,
    /// Converts JSON to a key, for invalidations that other processes announce. `None` if the cache has no memory tier.
    pub key_from_json: Option<fn(&str) -> Option<K>>,
    /// The conversion between values and stored bytes.
    pub wire: Wire<V>,
    /// The settings.
    pub settings: SharedSettings,
}

impl<K, V> fmt::Debug for SharedStore<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SharedStore").field("store", &self.store).field("scope", &self.scope).finish_non_exhaustive()
    }
}
