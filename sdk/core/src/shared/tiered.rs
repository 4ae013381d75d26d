//! The configuration of a tiered cache: a store in memory (L1) in front of a shared store (L2).

use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::byte_store::ByteStore;
use super::codec::{Codec, Postcard};
use super::shared::Shared;
use super::shared_store::SharedStore;
use crate::error::ConfigError;
use crate::store::{Evictions, IntoStore, TieredStore};

/// Configures a tiered cache: a store in memory (L1) in front of a shared store (L2). Frequently requested entries are
/// answered from memory, without a request to the server.
///
/// ```ignore
/// cached("user.by_id", query).store(Tiered::new(Moka::with_capacity(1_000), Shared::new(redis)))
/// ```
#[derive(Clone, Debug)]
#[doc(alias = "near cache")]
#[doc(alias = "L1")]
#[doc(alias = "multi-level")]
pub struct Tiered<M, B, C = Postcard> {
    memory: M,
    shared: Shared<B, C>,
}

impl<M, B, C> Tiered<M, B, C> {
    /// Creates a configuration with `memory` in front of `shared`. An entry in memory may be outdated by up to 10
    /// seconds.
    #[must_use]
    pub fn new(memory: M, mut shared: Shared<B, C>) -> Self {
        // Short enough to explain an outdated value to a user. With announced invalidations it is usually milliseconds.
        shared.settings_mut().memory_ttl = Some(Duration::from_secs(10));
        Self { memory, shared }
    }

    /// Sets how long an entry in memory may be outdated. This matters if an announced invalidation is missed, or if the
    /// store announces none. Default: 10 seconds.
    #[must_use]
    #[doc(alias = "time to live")]
    pub fn memory_ttl(mut self, ttl: Duration) -> Self {
        self.shared.settings_mut().memory_ttl = Some(ttl);
        self
    }

    /// Sets whether memory answers beyond [`Tiered::memory_ttl`] while the shared store fails. Only entries within
    /// their own TTL are served. Entries that other processes invalidated meanwhile may be served as well. Default: no.
    #[must_use]
    #[doc(alias = "stale-if-error")]
    pub fn serve_memory_on_store_error(mut self, enabled: bool) -> Self {
        self.shared.settings_mut().serve_memory_on_store_error = enabled;
        self
    }
}

impl<K, V, M, B, C> IntoStore<K, V> for Tiered<M, B, C>
where
    K: Serialize + DeserializeOwned + Send + Sync + 'static,
    V: Clone + Send + Sync + 'static,
    M: IntoStore<K, V>,
    B: ByteStore + Clone,
    C: Codec<V> + Clone + 'static,
{
    type Store = TieredStore<M::Store>;

    fn into_store(self, evictions: Evictions) -> Result<Self::Store, ConfigError> {
        self.memory.into_store(evictions).map(TieredStore::new)
    }

    fn shared(&mut self, cache: &str) -> Result<Option<SharedStore<K, V>>, ConfigError> {
        let shared = self.shared.clone().build(cache)?;
        Ok(Some(SharedStore { key_from_json: Some(|json| serde_json::from_str(json).ok()), ..shared }))
    }
}
