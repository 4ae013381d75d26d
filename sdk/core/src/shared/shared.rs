//! The configuration of a shared store.

use std::any::type_name;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;

use super::byte_store::ByteStore;
use super::codec::{Codec, Postcard};
use super::scope::Scope;
use super::settings::SharedSettings;
use super::shared_store::SharedStore;
use super::wire::{Cipher, Wire, schema};
use crate::error::ConfigError;
use crate::store::{Evictions, IntoStore, JsonKeys, KeyEncoding, NoMemory};

/// Configures a shared (L2) store: `.store(Shared::new(redis).namespace("shop"))`. A [`ByteStore`] that is passed to a
/// cache directly is used with the defaults.
///
/// Keys must implement [`serde::Serialize`], because the names of entries are made from them. Values must implement
/// serde's traits if the default codec is used.
#[derive(Clone)]
#[doc(alias = "L2")]
#[doc(alias = "remote cache")]
pub struct Shared<B, C = Postcard> {
    store: B,
    codec: C,
    namespace: String,
    version: u32,
    schema: Option<String>,
    #[cfg(feature = "zstd")]
    compress_above: Option<usize>,
    cipher: Option<Arc<dyn Cipher>>,
    settings: SharedSettings,
}

impl<B: ByteStore> Shared<B> {
    /// Creates a configuration of `store` with the defaults.
    #[must_use]
    pub fn new(store: B) -> Self {
        Self {
            store,
            codec: Postcard,
            namespace: "cachescope".to_owned(),
            version: 1,
            schema: None,
            #[cfg(feature = "zstd")]
            compress_above: None,
            cipher: None,
            settings: SharedSettings {
                // Ten times as long as the slowest operation on a store in the same data centre. Most loads take
                // longer.
                timeout: Duration::from_millis(500),
                breaker_failures: 5,
                breaker_pause: Duration::from_secs(1),
                // Longer than most loads, and short enough to wait for when a process dies.
                lease: Some(Duration::from_secs(10)),
                memory_ttl: None,
                serve_memory_on_store_error: false,
            },
        }
    }
}

impl<B, C> Shared<B, C> {
    /// Sets the namespace, which separates applications that use the same store. Default: `cachescope`.
    #[must_use]
    pub fn namespace(mut self, namespace: impl Into<String>) -> Self {
        self.namespace = namespace.into();
        self
    }

    /// Sets the version of the stored values. Change the version when the type or the meaning of the values changes.
    /// Old and new processes then don't read each other's entries. Default: 1.
    #[must_use]
    pub fn version(mut self, version: u32) -> Self {
        self.version = version;
        self
    }

    /// Sets the name of the value type. Entries of another type are treated as corrupt. Default: the compiler's name of
    /// the type, which may change with the compiler, and when the type moves to another module.
    #[must_use]
    pub fn schema(mut self, name: impl Into<String>) -> Self {
        self.schema = Some(name.into());
        self
    }

    /// Sets the codec that encodes values. Default: [`Postcard`].
    #[must_use]
    pub fn codec<D>(self, codec: D) -> Shared<B, D> {
        let Self { store, codec: _, namespace, version, schema, cipher, settings, .. } = self;
        Shared {
            #[cfg(feature = "zstd")]
            compress_above: self.compress_above,
            store,
            codec,
            namespace,
            version,
            schema,
            cipher,
            settings,
        }
    }

    /// Compresses encoded values that are larger than `bytes` with zstd. Default: no compression.
    #[cfg(feature = "zstd")]
    #[must_use]
    pub fn compress_above(mut self, bytes: usize) -> Self {
        self.compress_above = Some(bytes);
        self
    }

    /// Encrypts stored values with `cipher`. Keys stay readable. Default: no encryption.
    #[must_use]
    pub fn cipher(mut self, cipher: impl Cipher) -> Self {
        self.cipher = Some(Arc::new(cipher));
        self
    }

    /// Sets the time limit of an operation on the store. After it, the request continues without the store. Default:
    /// 500 ms.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.settings.timeout = timeout;
        self
    }

    /// Sets the circuit breaker. After `failures` consecutive failures, the store isn't called for `pause`. Then one
    /// request at a time tries the store, until one succeeds. Default: 5 failures and one second.
    #[must_use]
    #[doc(alias = "breaker")]
    pub fn circuit_breaker(mut self, failures: u32, pause: Duration) -> Self {
        self.settings.breaker_failures = failures;
        self.settings.breaker_pause = pause;
        self
    }

    /// Sets the term of a lease. One process has the right to load a key while the others wait; the lease ends with its
    /// load. Make the term longer than a load takes. If a load takes longer than the term, another process loads as
    /// well, and the value of the slow load isn't stored. If a process dies during a load, the others wait until the
    /// term is over. Default: 10 seconds.
    #[must_use]
    #[doc(alias = "distributed lock")]
    #[doc(alias = "thundering herd")]
    #[doc(alias = "cache stampede")]
    #[doc(alias = "dogpile")]
    pub fn lease(mut self, term: Duration) -> Self {
        self.settings.lease = Some(term);
        self
    }

    /// Disables leases: each process loads for itself. A value whose load began before an invalidation may then be
    /// stored after it.
    #[must_use]
    pub fn without_lease(mut self) -> Self {
        self.settings.lease = None;
        self
    }

    pub(super) const fn settings_mut(&mut self) -> &mut SharedSettings {
        &mut self.settings
    }

    /// Binds the configuration to the cache named `cache`.
    ///
    /// # Errors
    /// Returns a [`ConfigError`] if a setting is invalid.
    pub fn build<K, V>(self, cache: &str) -> Result<SharedStore<K, V>, ConfigError>
    where
        B: ByteStore,
        C: Codec<V> + 'static,
        K: Serialize,
    {
        let Self { store, codec, settings, .. } = self;
        if settings.timeout.is_zero() {
            return Err(ConfigError::new(
                "timeout of a shared store must be greater than zero, got 0: set 100 ms or more",
            ));
        }
        if settings.breaker_failures == 0 {
            return Err(ConfigError::new(
                "circuit_breaker failures must be at least 1, got 0: the store would never be called",
            ));
        }
        if let Some(term) = settings.lease.filter(|term| *term < Duration::from_millis(10)) {
            return Err(ConfigError::new(format!(
                "lease must be at least 10 ms, got {term:?}: set a term longer than a load takes, such as 10 s"
            )));
        }
        let scope = Scope::new(&self.namespace, cache, self.version)?;
        let wire = Wire {
            codec: Box::new(codec),
            schema: schema(self.schema.as_deref().unwrap_or(type_name::<V>())),
            #[cfg(feature = "zstd")]
            compress_above: self.compress_above,
            cipher: self.cipher,
        };
        Ok(SharedStore {
            store: Arc::new(store),
            scope,
            key_to_json: JsonKeys::json,
            key_from_json: None,
            wire,
            settings,
        })
    }
}

impl<B: fmt::Debug, C> fmt::Debug for Shared<B, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared").field("store", &self.store).field("settings", &self.settings).finish_non_exhaustive()
    }
}

impl<K, V, B, C> IntoStore<K, V> for Shared<B, C>
where
    K: Serialize + Send + Sync + 'static,
    V: Clone + Send + Sync + 'static,
    B: ByteStore + Clone,
    C: Codec<V> + Clone + 'static,
{
    type Store = NoMemory;

    fn into_store(self, _: Evictions) -> Result<NoMemory, ConfigError> {
        Ok(NoMemory)
    }

    fn shared(&mut self, cache: &str) -> Result<Option<SharedStore<K, V>>, ConfigError> {
        self.clone().build(cache).map(Some)
    }
}

impl<K, V, B> IntoStore<K, V> for B
where
    K: Serialize + Send + Sync + 'static,
    V: Clone + Send + Sync + 'static,
    B: ByteStore + Clone,
    Postcard: Codec<V>,
{
    type Store = NoMemory;

    fn into_store(self, _: Evictions) -> Result<NoMemory, ConfigError> {
        Ok(NoMemory)
    }

    fn shared(&mut self, cache: &str) -> Result<Option<SharedStore<K, V>>, ConfigError> {
        Shared::new(self.clone()).build(cache).map(Some)
    }
}
