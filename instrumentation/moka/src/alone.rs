//! Telemetry for a moka cache that is used without our own.

use std::hash::{BuildHasher, Hash};
use std::sync::Arc;

use cachescope_core::{EvictionReason, Evictions, HitTiming, Identity, Labels, Recorder, Telemetry};
use moka::notification::RemovalCause;
use moka::sync::Cache;

use crate::instrumented::{Instrumented, Live, Sizes};
use crate::{KIND, removal};

/// Gives a moka cache telemetry under `name`, through OpenTelemetry's global providers.
///
/// `get`, `get_with` and `try_get_with` of the result count hits, misses and coalesced requests; everything
/// else is moka's own, through `Deref`. Reads through clones of the bare cache aren't seen.
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
    Instrument::new(name).wrap(cache)
}

/// Counts into `evictions` what leaves a moka cache: give it to the cache's builder, and `evictions` to
/// [`Instrument::evictions`]. Costs one relaxed addition per entry that leaves.
///
/// ```
/// use cachescope_core::Evictions;
/// use cachescope_moka::{Instrument, eviction_listener};
///
/// let evictions = Evictions::default();
/// let cache = moka::sync::Cache::<u64, String>::builder()
///     .max_capacity(10_000)
///     .eviction_listener(eviction_listener(&evictions))
///     .build();
/// let users = Instrument::new("user.by_id").evictions(evictions).wrap(cache);
/// ```
pub fn eviction_listener<K, V>(evictions: &Evictions) -> impl Fn(Arc<K>, V, RemovalCause) + Send + Sync + 'static {
    let evictions = evictions.clone();
    move |_, _, cause| evictions.count(reason_of(cause))
}

/// In our words. Of what the user removes, asked once a removal.
pub(crate) fn reason_of(cause: RemovalCause) -> EvictionReason {
    match cause {
        RemovalCause::Expired => EvictionReason::Expired,
        RemovalCause::Explicit => removal::reason(),
        RemovalCause::Replaced => EvictionReason::Replaced,
        RemovalCause::Size => EvictionReason::Size,
    }
}

/// What [`instrument`] may be told beyond a name.
#[derive(Debug)]
pub struct Instrument {
    name: String,
    in_bytes: bool,
    evictions: Option<Evictions>,
    telemetry: Telemetry,
}

impl Instrument {
    /// Telemetry under `name`.
    #[must_use]
    pub fn new(name: impl Into<String>) -> Self {
        Self { name: name.into(), in_bytes: false, evictions: None, telemetry: Telemetry::global() }
    }

    /// The cache's weigher counts bytes. Say so if it does: moka doesn't tell whether its capacity is one
    /// of entries, which is the default, or of weight.
    #[must_use]
    pub fn weighed_in_bytes(mut self) -> Self {
        self.in_bytes = true;
        self
    }

    /// Where the cache's listener counts evictions, made by [`eviction_listener`]. Without it evictions
    /// aren't reported: moka takes its listener only when it is built.
    #[must_use]
    pub fn evictions(mut self, evictions: Evictions) -> Self {
        self.evictions = Some(evictions);
        self
    }

    /// Providers other than OpenTelemetry's global ones.
    #[must_use]
    pub fn telemetry(mut self, telemetry: Telemetry) -> Self {
        self.telemetry = telemetry;
        self
    }

    /// Wraps the cache.
    pub fn wrap<K, V, S>(self, cache: Cache<K, V, S>) -> Instrumented<K, V, S>
    where
        K: Hash + Eq + Send + Sync + 'static,
        V: Clone + Send + Sync + 'static,
        S: BuildHasher + Clone + Send + Sync + 'static,
    {
        // moka hands a load's error on as it is; its type has no name that fits all calls.
        let identity = Identity { cache: self.name, store: KIND, error_type: Some("_OTHER"), labels: Labels::new() };
        let recorder = Arc::new(Recorder::new(identity, self.telemetry.clone(), self.evictions, HitTiming::Paced));
        let source = Arc::new(Sizes { cache: cache.clone(), in_bytes: self.in_bytes });
        let weak = Arc::downgrade(&source);
        let registration = self.telemetry.register(&recorder, weak);
        Instrumented { cache, recorder, live: Arc::new(Live { _source: source, _registration: registration }) }
    }
}
