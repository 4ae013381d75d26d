//! The builder of a cache: one method per option.

mod admission;
mod expiry;
mod loading;
mod validate;

use std::convert::Infallible;
use std::fmt;
use std::hash::Hash;
use std::marker::PhantomData;
use std::sync::{Arc, Weak};

use cachescope_core::{CacheIdentity, Clock, ConfigError, Evictions, IntoStore, Labels, Observer, Store, StoreUsage};
use cachescope_telemetry::{CacheSource, HitTiming, Recorder, Telemetry};
use foldhash::fast::RandomState;

use crate::cached::Cached;
use crate::default_store::DefaultConfig;
use crate::engine::Engine;
use crate::engine::admission::Admission;
use crate::engine::background::Background;
use crate::engine::batch::BatchLoader;
use crate::engine::error_cache::Errors;
use crate::engine::freshness::TtlFn;
use crate::engine::load_limit::LoadLimit;
use crate::engine::loader::Loader;
use crate::engine::loading::{Loading, WaitError};
use crate::engine::memory::Memory;
use crate::engine::single_flight::Flights;
use crate::engine::tags::{CountedTags, Tags};
use crate::engine::view::View;
use crate::engine::watch::{KeyName, Watch};
use crate::insight::{CapacityLimit, Watcher};
use crate::l2;
#[cfg(feature = "persist")]
use crate::metrics::Persistence;
use crate::metrics::{MetricsState, SLICE};
use crate::mode::{Async, Mode};
use crate::process::defaults::{self, Settings};
use crate::process::maintenance;
use crate::process::registry;
use crate::telemetry::spans::Spans;

/// Wraps a function that returns a value. Build the cache once and keep it.
///
/// `name` is the cache's name in telemetry: dotted and stable, such as `user.by_id`, and never made from data. The
/// function gets the key by value, and runs on a miss, in the task of the request that missed.
///
/// ```
/// # async fn query(id: u64) -> String { String::new() }
/// let user = cachescope::cached("user.by_id", |id: u64| query(id)).build();
/// ```
pub fn cached<K, V, F, R>(name: impl Into<String>, load: F) -> Builder<K, V, Infallible>
where
    K: Send + 'static,
    F: Fn(K) -> R + Send + Sync + 'static,
    R: Future<Output = V> + Send + 'static,
    V: 'static,
{
    Builder::wrap(name.into(), Loader::of_values(load), None)
}

/// Wraps a function that returns a `Result`. An `Err` reaches the caller and isn't stored.
///
/// ```
/// # async fn query(id: u64) -> Result<String, std::io::Error> { Ok(String::new()) }
/// let user = cachescope::try_cached("user.by_id", |id: u64| query(id)).build();
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// let name = user.try_call(7).await?;
/// # Ok::<_, cachescope::CallError<std::io::Error>>(())
/// # }).unwrap();
/// ```
pub fn try_cached<K, V, E, F, R>(name: impl Into<String>, load: F) -> Builder<K, V, E>
where
    K: Send + 'static,
    F: Fn(K) -> R + Send + Sync + 'static,
    R: Future<Output = Result<V, E>> + Send + 'static,
{
    Builder::wrap(name.into(), Loader::new(load), Some(std::any::type_name::<E>()))
}

/// Configures and builds a [`Cached`]. Created by [`cached`] and [`try_cached`], and by their counterparts in `sync`.
#[must_use = "a cache exists once it is built"]
pub struct Builder<K, V, E, C = DefaultConfig<K, V>, M = Async> {
    name: String,
    loader: Loader<K, V, E>,
    pub(crate) batch_loader: Option<BatchLoader<K, V, E>>,
    error_type: Option<&'static str>,
    store: C,
    settings: Settings,
    labels: Labels,
    /// The options that were set, to refuse options without effect.
    steps: Vec<&'static str>,
    ttl_fn: Option<TtlFn<V>>,
    admission: Admission<V>,
    errors: Option<Errors<K, E>>,
    tags: Option<Tags<K, V>>,
    counted_tags: Option<CountedTags>,
    wait_error: Option<WaitError<E>>,
    key_name: Option<KeyName<K>>,
    #[cfg(feature = "persist")]
    persistence: Option<Persistence>,
    mode: PhantomData<fn() -> M>,
}

impl<K, V, E, M> Builder<K, V, E, DefaultConfig<K, V>, M> {
    pub(crate) fn wrap(name: String, loader: Loader<K, V, E>, error_type: Option<&'static str>) -> Self {
        Self {
            name,
            loader,
            batch_loader: None,
            error_type,
            store: DefaultConfig::default(),
            settings: defaults::defaults(),
            labels: Labels::new(),
            steps: Vec::new(),
            ttl_fn: None,
            admission: Admission::of_all(),
            errors: None,
            tags: None,
            counted_tags: None,
            wait_error: None,
            key_name: None,
            #[cfg(feature = "persist")]
            persistence: None,
            mode: PhantomData,
        }
    }
}

impl<K, V, E, C, M> Builder<K, V, E, C, M> {
    /// Sets where entries live. Default: `Moka::with_capacity(10_000)`.
    pub fn store<D>(self, store: D) -> Builder<K, V, E, D, M> {
        let Self { name, loader, batch_loader, error_type, store: _, settings, labels, steps, .. } = self;
        let Self { ttl_fn, admission, errors, tags, counted_tags, wait_error, key_name, mode, .. } = self;
        Builder {
            #[cfg(feature = "persist")]
            persistence: self.persistence,
            name,
            loader,
            batch_loader,
            error_type,
            store,
            settings,
            labels,
            steps,
            ttl_fn,
            admission,
            errors,
            tags,
            counted_tags,
            wait_error,
            key_name,
            mode,
        }
    }

    /// Sets the clock for expiry and timings. Default: the system clock. Use [`Clock::manual`] in tests.
    pub fn clock(mut self, clock: Clock) -> Self {
        self.settings.clock = clock;
        self
    }

    /// Sets where telemetry goes. Default: OpenTelemetry's global providers, whenever they are set up.
    pub fn telemetry(mut self, telemetry: Telemetry) -> Self {
        self.settings.telemetry = telemetry;
        self
    }

    /// Adds a label, such as the team that owns the cache, to telemetry and to [`caches`](crate::caches). Each series
    /// and span of the cache gets one more attribute. At most 8 labels. Never made from data.
    ///
    /// Caches with the same name and the same labels are added up in telemetry.
    ///
    /// ```
    /// # async fn query(_: u64) -> String { String::new() }
    /// let user = cachescope::cached("user.by_id", query).label("team", "search").build();
    /// ```
    pub fn label(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.labels.insert(name.into(), value.into());
        self
    }

    /// Sets whether the cache gathers [insight](Cached::insight): why requests miss, and the hit rate at other
    /// capacities and TTLs. Default: yes.
    ///
    /// Insight takes up to 256 KiB per cache, and at most a hundredth of a core. Without insight, a miss of a key
    /// without entry has the reason `unknown`.
    #[doc(alias = "miss-ratio curve")]
    #[doc(alias = "working set")]
    pub fn insight(mut self, wanted: bool) -> Self {
        self.settings.insight = wanted;
        self
    }

    /// Sets the names of hot keys in [`Insight::hot_keys`](crate::Insight::hot_keys) and on pages that show them.
    /// Default: hot keys are shown by hash, which differs between processes, because a key may be personal data.
    ///
    /// ```
    /// # async fn query(_: u64) -> String { String::new() }
    /// let user = cachescope::cached("user.by_id", query).hot_key_names(|id| id.to_string()).build();
    /// ```
    pub fn hot_key_names(mut self, name: impl Fn(&K) -> String + Send + Sync + 'static) -> Self {
        self.key_name = Some(Box::new(name));
        self
    }

    /// Sets which hits are timed. Default: about one per millisecond and thread, or all hits where they are rarer.
    pub fn hit_timing(mut self, timing: HitTiming) -> Self {
        self.settings.hit_timing = timing;
        self
    }

    /// Keeps the cache's metrics across restarts, in a file or a store of yours: totals, distributions and windows
    /// continue in the next process. Default: metrics end with the process.
    ///
    /// Metrics are saved every 10 seconds ([`Persistence::every`] changes the interval), when the cache is closed or
    /// dropped, and by [`CacheMetrics::save`](crate::metrics::CacheMetrics::save). A crash loses what was counted since
    /// the last save, and requests in flight. Close a cache before the process ends: a cache in a static is never
    /// dropped.
    ///
    /// A file that can't be read (damaged, of another cache, or of a later version) is renamed and never deleted, and a
    /// failed save is tried again; each is warned about once. One cache at a time uses a path. A second cache waits
    /// with a warning, and continues with the numbers of the first once that is dropped, as a rolling restart needs.
    ///
    /// ```
    /// # let folder = tempfile::tempdir()?;
    /// # let path = folder.path().join("squares.metrics");
    /// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
    /// let squares = || cachescope::cached("math.squares", |n: u64| async move { n * n }).persist_metrics(path.as_path()).build();
    /// squares().call(12).await;
    /// assert_eq!(squares().metrics().stats().requests(), 1);
    /// # });
    /// # Ok::<_, std::io::Error>(())
    /// ```
    #[cfg(feature = "persist")]
    #[doc(alias = "restart")]
    pub fn persist_metrics(mut self, persistence: impl Into<Persistence>) -> Self {
        self.persistence = Some(persistence.into());
        self
    }

    /// Changes a setting, and notes the option's name.
    fn set(mut self, step: &'static str, change: impl FnOnce(&mut Settings)) -> Self {
        self.steps.push(step);
        change(&mut self.settings);
        self
    }

    /// Registers an [`Observer`] that receives every event of this cache, as it happens. Use it to feed your own
    /// metrics backend. Default: none.
    ///
    /// ```
    /// use std::sync::atomic::{AtomicU64, Ordering};
    /// use cachescope::metrics::{Event, LoadOutcome, Observer};
    /// use cachescope::store::CacheIdentity;
    ///
    /// #[derive(Debug, Default)]
    /// struct FailedLoads(AtomicU64);
    ///
    /// impl Observer for FailedLoads {
    ///     fn observe(&self, _cache: &CacheIdentity, event: Event) {
    ///         if matches!(event, Event::Load { outcome: LoadOutcome::Failed, .. }) {
    ///             self.0.fetch_add(1, Ordering::Relaxed);
    ///         }
    ///     }
    /// }
    ///
    /// # async fn query(_: u64) -> Result<String, std::io::Error> { Ok(String::new()) }
    /// let user = cachescope::try_cached("user.by_id", query).observer(FailedLoads::default()).build();
    /// ```
    #[doc(alias = "eviction listener")]
    #[doc(alias = "event listener")]
    pub fn observer(mut self, observer: impl Observer) -> Self {
        self.settings.observer = Some(Arc::new(observer));
        self
    }

    /// Builds the cache.
    ///
    /// # Panics
    /// If the configuration can't work. The message says what to change; [`Builder::try_build`] lists the cases.
    pub fn build(self) -> Cached<K, V, E, C::Store, M>
    where
        K: Hash + Eq + Clone + Send + Sync + 'static,
        V: Clone + Send + Sync + 'static,
        E: Send + Sync + 'static,
        C: IntoStore<K, V>,
        M: Mode,
    {
        match self.try_build() {
            Ok(cached) => cached,
            Err(error) => panic!("{error}"),
        }
    }

    /// Builds the cache, for configurations that may be wrong, such as names and sizes from a file.
    ///
    /// # Errors
    /// If the name is empty, longer than 200 bytes or has control characters; if a setting is out of its range; if an
    /// option has no effect without another one that wasn't set; or if the store can't be made as configured.
    pub fn try_build(mut self) -> Result<Cached<K, V, E, C::Store, M>, ConfigError>
    where
        K: Hash + Eq + Clone + Send + Sync + 'static,
        V: Clone + Send + Sync + 'static,
        E: Send + Sync + 'static,
        C: IntoStore<K, V>,
        M: Mode,
    {
        let policy = self.check()?;
        let evictions = Evictions::default();
        let in_cache = |error| ConfigError::new(format!("cache \"{}\": {error}", self.name));
        let maintenance = self.settings.cleanup_interval;
        let (l2, policy) = l2::build(&mut self.store, &self.name, maintenance, M::RUNS, policy).map_err(in_cache)?;
        let store = self.store.into_store(evictions.clone()).map_err(in_cache)?;
        let Settings { clock, telemetry, hit_timing, observer, insight, .. } = self.settings;
        let watcher = insight.then(|| Arc::new(Watcher::new(limit_of(store.usage()), &policy, clock.clone())));
        if let Some(watcher) = &watcher {
            evictions.set_listener(Arc::<Watcher>::clone(watcher));
        }
        let Self { name, error_type, labels, .. } = self;
        let kind = l2.as_ref().map_or_else(|| store.kind(), |l2| l2.kind());
        let identity = CacheIdentity { name, store: kind, error_type, labels };
        let spans = Spans::new(identity.clone(), telemetry.clone());
        let recorder = Recorder::new(identity, telemetry.clone(), Some(evictions), hit_timing);
        let recorder = if l2.is_some() { recorder.with_shared_store() } else { recorder };
        let recorder = if watcher.is_some() { recorder.with_insight() } else { recorder };
        let recorder = Arc::new(match observer {
            Some(observer) => recorder.with_observer(observer),
            None => recorder,
        });
        let metrics_state = MetricsState::new(Arc::clone(&recorder), clock.clone());
        #[cfg(feature = "persist")]
        let saved_every = self.persistence.as_ref().map(Persistence::interval);
        #[cfg(feature = "persist")]
        let metrics_state = match self.persistence {
            Some(persistence) => metrics_state.with_persistence(persistence),
            None => metrics_state,
        };
        // The time limits of a shared store use the coarse time as well.
        let ticks = policy.asks_for_time() || l2.is_some();
        let memory = Memory {
            store,
            policy,
            admission: self.admission,
            errors: self.errors,
            tags: self.tags,
            hasher: RandomState::default(),
        };
        let loading = Loading {
            loader: self.loader,
            batch_loader: self.batch_loader,
            load_limit: self.settings.load_concurrency.map(LoadLimit::new),
            finishes_cancelled_loads: self.settings.finish_cancelled_loads,
            wait_timeout: self.settings.wait_for_load_timeout,
            wait_error: self.wait_error,
            flights: Arc::new(Flights::new()),
        };
        let engine = Arc::new_cyclic(|engine: &Weak<Engine<K, V, E, C::Store>>| Engine {
            memory,
            l2,
            loading,
            watch: Watch { watcher, key_name: self.key_name },
            _ticking: ticks.then(|| clock.start_ticker()).flatten(),
            _registration: recorder.register(Weak::clone(engine) as Weak<dyn CacheSource>),
            recorder,
            spans,
            clock,
            metrics_state,
            counted_tags: self.counted_tags,
            background: Background::new(M::RUNS),
            this: Weak::clone(engine),
        });
        if let Some(interval) = self.settings.cleanup_interval.filter(|_| engine.memory.policy.expires()) {
            maintenance::every(interval, &engine, engine.background.closing(), Engine::clean_up);
        }
        maintenance::every(SLICE, &engine, engine.background.dropped(), Engine::turn);
        #[cfg(feature = "persist")]
        if let Some(interval) = saved_every {
            maintenance::every(interval, &engine, engine.background.dropped(), Engine::keep_metrics);
        }
        let live: Weak<dyn View> = Arc::<Engine<K, V, E, C::Store>>::downgrade(&engine);
        registry::enlist(live);
        Ok(Cached::of(engine))
    }
}

/// Returns the limit of a store, if it has one.
fn limit_of(usage: StoreUsage) -> Option<CapacityLimit> {
    let in_entries = usage.entry_limit.map(|capacity| CapacityLimit { capacity, in_bytes: false });
    usage.byte_limit.map(|capacity| CapacityLimit { capacity, in_bytes: true }).or(in_entries)
}

impl<K, V, E, C: fmt::Debug, M> fmt::Debug for Builder<K, V, E, C, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder").field("name", &self.name).field("store", &self.store).finish_non_exhaustive()
    }
}

#[cfg(all(test, feature = "moka", feature = "shared"))]
mod tests {
    use cachescope_core::Clock;
    use cachescope_core::shared::Shared;
    use cachescope_testing::InMemory;

    use super::*;

    #[test]
    fn coarse_clock_runs_for_shared_store_time_limits_without_expiry() {
        let builder = || cached("builder.ticking", |n: u64| async move { n });
        let shared = builder().store(Shared::new(InMemory::new(Clock::system()))).build();
        assert!(shared.engine._ticking.is_some() && builder().build().engine._ticking.is_none());
    }
}
