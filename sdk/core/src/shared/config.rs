//! A shared store as a cache is told to use it.

use std::any::type_name;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::codec::{Codec, Postcard};
use super::key::Scope;
use super::store::ByteStore;
use super::wire::{Cipher, Wire, schema};
use crate::error::ConfigError;
use crate::eviction::Evictions;
use crate::store::{BeforeShared, ByJson, IntoStore, Naming, NoMemory};

/// A [`ByteStore`] and how a cache uses it: `.store(Shared::new(redis).namespace("shop"))`. A byte store given to a
/// cache directly is used with what is default here.
///
/// Values need [`serde`] with the default codec; keys need it always, as what they are called is made of it.
#[derive(Clone)]
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

/// How a cache goes about its shared store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SharedSettings {
    /// How long an operation may take.
    pub timeout: Duration,
    /// After how many failures in a row the store isn't asked for a while.
    pub failures: u32,
    /// How long that while is.
    pub pause: Duration,
    /// How long one process has the right to load a key; `None`: each loads for itself.
    pub lease: Option<Duration>,
    /// How long what is in memory may be behind the store; `None`: nothing is kept in memory.
    pub memory_life: Option<Duration>,
    /// Whether memory answers beyond that where the store can't be asked.
    pub memory_outlives: bool,
}

impl<B: ByteStore> Shared<B> {
    /// This store, with what is default.
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
                // Ten times what a store in the same data centre takes at its worst; a load is usually slower.
                timeout: Duration::from_millis(500),
                failures: 5,
                pause: Duration::from_secs(1),
                // Longer than most loads, and short enough to wait for when a process died.
                lease: Some(Duration::from_secs(10)),
                memory_life: None,
                memory_outlives: false,
            },
        }
    }
}

impl<B, C> Shared<B, C> {
    /// Keeps apart what several applications store under one name. Default: `cachescope`.
    #[must_use]
    pub fn namespace(mut self, namespace: impl Into<String>) -> Self {
        self.namespace = namespace.into();
        self
    }

    /// The version of what is stored: change it with the values' type or meaning, and old and new processes don't see
    /// each other's entries. Default: 1.
    #[must_use]
    pub fn version(mut self, version: u32) -> Self {
        self.version = version;
        self
    }

    /// The name of the values' type: entries of another one are corrupt. Default: what the compiler calls it, which may
    /// change with the compiler and with the module it stands in.
    #[must_use]
    pub fn schema(mut self, name: impl Into<String>) -> Self {
        self.schema = Some(name.into());
        self
    }

    /// How values become bytes. Default: [`Postcard`].
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

    /// Compresses values that are larger than `bytes` when encoded, with zstd. Default: none.
    #[cfg(feature = "zstd")]
    #[must_use]
    pub fn compress_above(mut self, bytes: usize) -> Self {
        self.compress_above = Some(bytes);
        self
    }

    /// Encrypts what is stored. Default: it isn't. Keys stay readable.
    #[must_use]
    pub fn cipher(mut self, cipher: impl Cipher) -> Self {
        self.cipher = Some(Arc::new(cipher));
        self
    }

    /// How long an operation on the store may take; then the request goes on without it. Default: 500 ms.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.settings.timeout = timeout;
        self
    }

    /// After so many failures in a row the store isn't asked for `pause`, then by one request at a time until that one
    /// succeeds. Default: 5 and one second.
    #[must_use]
    pub fn breaker(mut self, failures: u32, pause: Duration) -> Self {
        self.settings.failures = failures;
        self.settings.pause = pause;
        self
    }

    /// How long one process has the right to load a key while the others wait; it ends with its load. Give it more
    /// than a load takes: a longer one is joined by another process's, and its value isn't stored. Should a process
    /// die while it loads, the others wait so long. Default: 10 seconds.
    #[must_use]
    pub fn lease(mut self, term: Duration) -> Self {
        self.settings.lease = Some(term);
        self
    }

    /// Lets each process load for itself. A value whose load began before an invalidation may then be stored after it.
    #[must_use]
    pub fn without_lease(mut self) -> Self {
        self.settings.lease = None;
        self
    }

    /// What a cache called `cache` needs.
    ///
    /// # Errors
    /// If something here can't work, with a sentence that says what to change.
    pub fn build<K, V>(self, cache: &str) -> Result<SharedStore<K, V>, ConfigError>
    where
        B: ByteStore,
        C: Codec<V> + 'static,
        K: Serialize,
    {
        let Self { store, codec, settings, .. } = self;
        if settings.timeout.is_zero() {
            return Err(ConfigError::new("a store's timeout of 0 lets no operation end: give it 100 ms, say"));
        }
        if settings.failures == 0 {
            return Err(ConfigError::new("a breaker of 0 failures never asks the store: give it 1 or more"));
        }
        if settings.lease.is_some_and(|term| term < Duration::from_millis(10)) {
            return Err(ConfigError::new("a lease of less than 10 ms is over before it is used: give it 10 s, say"));
        }
        let scope = Scope::new(&self.namespace, cache, self.version)?;
        let wire = Wire {
            codec: Box::new(codec),
            schema: schema(self.schema.as_deref().unwrap_or(type_name::<V>())),
            #[cfg(feature = "zstd")]
            compress_above: self.compress_above,
            cipher: self.cipher,
        };
        Ok(SharedStore { store: Arc::new(store), scope, json_of: ByJson::json, key_of: None, wire, settings })
    }
}

impl<B: fmt::Debug, C> fmt::Debug for Shared<B, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared").field("store", &self.store).field("settings", &self.settings).finish_non_exhaustive()
    }
}

/// A shared store of one cache, ready to be used.
pub struct SharedStore<K, V> {
    /// Where the bytes are.
    pub store: Arc<dyn ByteStore>,
    /// Which of them are this cache's.
    pub scope: Scope,
    /// A key as JSON, which its entry's name is made of; `None` if it can't be serialized.
    pub json_of: fn(&K) -> Option<String>,
    /// The key of such JSON; needed where memory stands before the store, for what others announce.
    pub key_of: Option<fn(&str) -> Option<K>>,
    /// How values become bytes.
    pub wire: Wire<V>,
    /// How the store is gone about.
    pub settings: SharedSettings,
}

impl<K, V> fmt::Debug for SharedStore<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SharedStore").field("store", &self.store).field("scope", &self.scope).finish_non_exhaustive()
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

/// A store in memory before a shared one: what is asked for often is answered without asking the server.
///
/// ```ignore
/// cached("user.by_id", query).store(Tiered::new(Moka::with_capacity(1_000), Shared::new(redis)))
/// ```
#[derive(Clone, Debug)]
pub struct Tiered<M, B, C = Postcard> {
    memory: M,
    shared: Shared<B, C>,
}

impl<M, B, C> Tiered<M, B, C> {
    /// `memory` before `shared`; memory may be behind by up to 10 seconds.
    #[must_use]
    pub fn new(memory: M, mut shared: Shared<B, C>) -> Self {
        // What one can tell a user who asks why an old value shows; announcements usually make it milliseconds.
        shared.settings.memory_life = Some(Duration::from_secs(10));
        Self { memory, shared }
    }

    /// How long what is in memory may be behind the shared store, where an announcement of what was dropped is missed
    /// or the store makes none. Default: 10 seconds.
    #[must_use]
    pub fn memory_life(mut self, life: Duration) -> Self {
        self.shared.settings.memory_life = Some(life);
        self
    }

    /// Whether memory answers with what is fresh by its own life, beyond [`Tiered::memory_life`], where the shared
    /// store can't be asked. What others dropped meanwhile may then be served. Default: no.
    #[must_use]
    pub fn memory_outlives_store(mut self, outlives: bool) -> Self {
        self.shared.settings.memory_outlives = outlives;
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
    type Store = BeforeShared<M::Store>;

    fn into_store(self, evictions: Evictions) -> Result<Self::Store, ConfigError> {
        self.memory.into_store(evictions).map(BeforeShared)
    }

    fn shared(&mut self, cache: &str) -> Result<Option<SharedStore<K, V>>, ConfigError> {
        let shared = self.shared.clone().build(cache)?;
        Ok(Some(SharedStore { key_of: Some(|json| serde_json::from_str(json).ok()), ..shared }))
    }
}
