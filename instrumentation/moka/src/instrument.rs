//! Adds telemetry to a moka cache that is used directly.

use std::hash::{BuildHasher, Hash};
use std::sync::Arc;

use cachescope_core::{CacheIdentity, EvictionReason, Evictions, Labels};
use cachescope_telemetry::{HitTiming, Recorder, Telemetry};
use moka::notification::RemovalCause;
use moka::sync::Cache;

use crate::instrumented::{CacheUsage, Instrumented, RegisteredCache};
use crate::{KIND, removal_reason};

/// Adds telemetry to a moka cache under `name`, through OpenTelemetry's global providers.
///
/// `get`, `get_with` and `try_get_with` of the result count hits, misses and coalesced requests. All other methods are
/// moka's own, through `Deref`. Reads through clones of the bare cache aren't counted.
///
/// ```
/// let users = moka::sync::Cache::new(10_000);
/// let users = cachescope_moka::instrument("user.by_id", users);
///
/// assert_eq!(users.get_with(7, || "Ada".to_owned()), "Ada");
/// assert_eq!(users.get(&7).as_deref(), Some("Ada"));
/// users.insert(8, "Grace".to_owned());
/// ```
pub fn instrument<K, V, S>(name: impl Into<String>, cache: Cache<K, V, S>) -> Instrumented<K, V, S>
where
    K: Hash + Eq + Send + Sync + 'static,
    V: Clone + Send + Sync + 'static,
    S: BuildHasher + Clone + Send + Sync + 'static,
{
    Instrumentation::new(name).wrap(cache)
}

/// Returns an eviction listener that counts the evictions of a moka cache in `evictions`.
///
/// Pass the listener to the builder of the cache, and `evictions` to [`Instrumentation::evictions`]. Costs one relaxed
/// atomic addition for each evicted entry.
///
/// ```
/// use cachescope_core::Evictions;
/// use cachescope_moka::{Instrumentation, eviction_listener};
///
/// let evictions = Evictions::default();
/// let cache = moka::sync::Cache::<u64, String>::builder()
///     .max_capacity(10_000)
///     .eviction_listener(eviction_listener(&evictions))
///     .build();
/// let users = Instrumentation::new("user.by_id").evictions(evictions).wrap(cache);
/// ```
pub fn eviction_listener<K, V>(evictions: &Evictions) -> impl Fn(Arc<K>, V, RemovalCause) + Send + Sync + 'static {
    let evictions = evictions.clone();
    move |_, _, cause| evictions.count(eviction_reason(cause))
}

/// Converts moka's cause of a removal. For an explicit removal, call it once, because it takes the reason.
pub(crate) fn eviction_reason(cause: RemovalCause) -> EvictionReason {
    match cause {
        RemovalCause::Expired => EvictionReason::Expired,
        RemovalCause::Explicit => removal_reason::take_reason(),
        RemovalCause::Replaced => EvictionReason::Replaced,
        RemovalCause::Size => EvictionReason::Size,
    }
}

/// Configures the telemetry of a moka cache, for options beyond the name that [`instrument`] takes.
#[derive(Debug)]
pub struct Instrumentation {
    name: String,
    in_bytes: bool,
    evictions: Option<Evictions>,
    telemetry: Telemetry,
}

impl Instrumentation {
    /// Creates a configuration for a cache called `name`, with OpenTelemetry's global providers.
    #[must_use]
    pub fn new(name: impl Into<String>) -> Self {
        Self { name: name.into(), in_bytes: false, evictions: None, telemetry: Telemetry::global() }
    }

    /// Declares that the cache's weigher counts bytes, so that usage and capacity are reported in bytes. Default: the
    /// capacity counts entries. moka doesn't report which of the two its capacity is.
    #[must_use]
    pub fn weighed_in_bytes(mut self) -> Self {
        self.in_bytes = true;
        self
    }

    /// Sets the counters that the cache's [`eviction_listener`] updates. Default: none, and evictions aren't reported,
    /// because moka accepts a listener only when the cache is built.
    #[must_use]
    pub fn evictions(mut self, evictions: Evictions) -> Self {
        self.evictions = Some(evictions);
        self
    }

    /// Sets the OpenTelemetry providers. Default: the global providers.
    #[must_use]
    pub fn telemetry(mut self, telemetry: Telemetry) -> Self {
        self.telemetry = telemetry;
        self
    }

    /// Wraps a moka cache. Telemetry is reported until the last clone of the result is dropped.
    pub fn wrap<K, V, S>(self, cache: Cache<K, V, S>) -> Instrumented<K, V, S>
    where
        K: Hash + Eq + Send + Sync + 'static,
        V: Clone + Send + Sync + 'static,
        S: BuildHasher + Clone + Send + Sync + 'static,
    {
        // moka returns the error of a load unchanged. Its type differs between calls, so there is no name for it.
        let identity =
            CacheIdentity { name: self.name, store: KIND, error_type: Some("_OTHER"), labels: Labels::new() };
        let recorder = Arc::new(Recorder::new(identity, self.telemetry.clone(), self.evictions, HitTiming::Paced));
        let source = Arc::new(CacheUsage { cache: cache.clone(), in_bytes: self.in_bytes });
        let weak = Arc::downgrade(&source);
        let registration = recorder.register(weak);
        Instrumented {
            cache,
            recorder,
            registration: Arc::new(RegisteredCache { _source: source, _registration: registration }),
        }
    }
}
