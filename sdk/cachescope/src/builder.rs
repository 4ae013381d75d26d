//! Wrapping a function, step by step.

mod check;
mod expiring;
mod keeping;
mod loading;

use std::convert::Infallible;
use std::fmt;
use std::hash::Hash;
use std::marker::PhantomData;
use std::sync::{Arc, Weak};

use cachescope_core::{
    Clock, ConfigError, Evictions, HitTiming, Identity, IntoStore, Labels, Levels, Observer, Recorder, Source, Store,
    Telemetry,
};
use foldhash::fast::RandomState;

use crate::admission::Admission;
use crate::background::Background;
#[cfg(feature = "shared")]
use crate::background::Runs;
use crate::batch::BatchLoader;
use crate::cached::Cached;
use crate::default_store::DefaultConfig;
use crate::engine::{Engine, KeyName, WaitError};
use crate::errors::Errors;
use crate::flight::Flights;
use crate::housekeeping;
use crate::insight::{Limit, Watcher};
use crate::live::{self, Live};
use crate::load_limit::LoadLimit;
use crate::loader::Loader;
use crate::manner::{Async, Manner};
#[cfg(feature = "persist")]
use crate::metrics::Persistence;
use crate::metrics::{Ledger, SLICE};
use crate::policy::LifeOf;
use crate::settings::{self, Settings};
#[cfg(feature = "shared")]
use crate::shared::{SharedTier, random};
use crate::spans::Spans;
use crate::tags::{CountedTags, Tags};

/// Wraps a function that returns a value. Build the cache once and keep it.
///
/// `name` is what telemetry calls the cache: dotted and stable, such as `user.by_id`; never made from data.
/// The function gets the key by value and runs on a miss, in the task that missed.
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

/// A cache that isn't built yet. Made by [`cached`] and [`try_cached`], and by their likes in `sync`.
#[must_use = "a cache exists once it is built"]
pub struct Builder<K, V, E, C = DefaultConfig<K, V>, M = Async> {
    name: String,
    loader: Loader<K, V, E>,
    pub(crate) batch_loader: Option<BatchLoader<K, V, E>>,
    error_type: Option<&'static str>,
    store: C,
    settings: Settings,
    labels: Labels,
    /// The steps that were taken, for those that need another.
    said: Vec<&'static str>,
    life_of: Option<LifeOf<V>>,
    admission: Admission<V>,
    errors: Option<Errors<K, E>>,
    tags: Option<Tags<K, V>>,
    counted_tags: Option<CountedTags>,
    wait_error: Option<WaitError<E>>,
    key_name: Option<KeyName<K>>,
    #[cfg(feature = "persist")]
    persistence: Option<Persistence>,
    manner: PhantomData<fn() -> M>,
}

impl<K, V, E, M> Builder<K, V, E, DefaultConfig<K, V>, M> {
    pub(crate) fn wrap(name: String, loader: Loader<K, V, E>, error_type: Option<&'static str>) -> Self {
        Self {
            name,
            loader,
            batch_loader: None,
            error_type,
            store: DefaultConfig::default(),
            settings: settings::defaults(),
            labels: Labels::new(),
            said: Vec::new(),
            life_of: None,
            admission: Admission::of_all(),
            errors: None,
            tags: None,
            counted_tags: None,
            wait_error: None,
            key_name: None,
            #[cfg(feature = "persist")]
            persistence: None,
            manner: PhantomData,
        }
    }
}

impl<K, V, E, C, M> Builder<K, V, E, C, M> {
    /// Where entries live. Default: `Moka::with_capacity(10_000)`.
    pub fn store<D>(self, store: D) -> Builder<K, V, E, D, M> {
        let Self { name, loader, batch_loader, error_type, store: _, settings, labels, said, .. } = self;
        let Self { life_of, admission, errors, tags, counted_tags, wait_error, key_name, manner, .. } = self;
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
            said,
            life_of,
            admission,
            errors,
            tags,
            counted_tags,
            wait_error,
            key_name,
            manner,
        }
    }

    /// The time to live by. Default: the system's clock; tests give one that they move.
    pub fn clock(mut self, clock: Clock) -> Self {
        self.settings.clock = clock;
        self
    }

    /// Where telemetry goes. Default: OpenTelemetry's global providers, whenever they are set up.
    pub fn telemetry(mut self, telemetry: Telemetry) -> Self {
        self.settings.telemetry = telemetry;
        self
    }

    /// Says something of this cache, for telemetry and [`caches`](crate::caches): which team it is of, say. Each series
    /// and span of it then has one attribute more. At most 8; caches of one name and the same labels add up to one.
    /// Never made from data.
    ///
    /// ```
    /// # async fn query(_: u64) -> String { String::new() }
    /// let user = cachescope::cached("user.by_id", query).label("team", "search").build();
    /// ```
    pub fn label(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.labels.insert(name.into(), value.into());
        self
    }

    /// Whether [insight](Cached::insight) is gained: why requests miss, and what other capacities and lives would give. On
    /// unless told otherwise; it takes up to 256 KiB, and a hundredth of a core where a cache is never at rest. Without it
    /// misses of keys that aren't there have no reason but `unknown`.
    pub fn insight(mut self, wanted: bool) -> Self {
        self.settings.insight = wanted;
        self
    }

    /// How hot keys are called in [`Insight::hot_keys`](crate::Insight::hot_keys), and so on a page that shows them. By
    /// default they have no name but their hash, which is another in each process: a key may be personal data.
    ///
    /// ```
    /// # async fn query(_: u64) -> String { String::new() }
    /// let user = cachescope::cached("user.by_id", query).name_hot_keys(|id| id.to_string()).build();
    /// ```
    pub fn name_hot_keys(mut self, name: impl Fn(&K) -> String + Send + Sync + 'static) -> Self {
        self.key_name = Some(Box::new(name));
        self
    }

    /// Which hits are timed. Default: about one a millisecond and thread, all where they are rarer.
    pub fn hit_timing(mut self, timing: HitTiming) -> Self {
        self.settings.hit_timing = timing;
        self
    }

    /// Keeps the cache's numbers in a file, or a store of yours, for the process that comes after: totals, distributions
    /// and windows go on over restarts. Default: they end with the process.
    ///
    /// They are saved every 10 seconds ([`Persistence::every`] changes that), when the cache is closed or gone, and by
    /// [`CacheMetrics::save`](crate::CacheMetrics::save); a crash loses what came after, and requests that never ended.
    /// Close a cache before the process ends: one in a static is never dropped, and one that is just being saved is
    /// dropped by the thread that does so.
    /// What can't be read (damaged, of another cache, or of a later version) is set aside and never deleted, and
    /// what can't be saved is tried again; one warning says so. One cache at a time has a path: a second waits for its
    /// turn, with a warning, and goes on with the numbers of the first once that is gone, as a rolling restart needs.
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
    pub fn persist_metrics(mut self, persistence: impl Into<Persistence>) -> Self {
        self.persistence = Some(persistence.into());
        self
    }

    /// Changes a setting, and notes that this was said.
    fn set(mut self, step: &'static str, change: impl FnOnce(&mut Settings)) -> Self {
        self.said.push(step);
        change(&mut self.settings);
        self
    }

    /// Has `observer` told what happens in the cache, as it happens: for a back end of one's own. Default: nobody is.
    ///
    /// ```
    /// use std::sync::atomic::{AtomicU64, Ordering};
    /// use cachescope::{Event, Identity, LoadOutcome, Observer};
    ///
    /// #[derive(Debug, Default)]
    /// struct FailedLoads(AtomicU64);
    ///
    /// impl Observer for FailedLoads {
    ///     fn observe(&self, _cache: &Identity, event: Event) {
    ///         if matches!(event, Event::Load { outcome: LoadOutcome::Failed, .. }) {
    ///             self.0.fetch_add(1, Ordering::Relaxed);
    ///         }
    ///     }
    /// }
    ///
    /// # async fn query(_: u64) -> Result<String, std::io::Error> { Ok(String::new()) }
    /// let user = cachescope::try_cached("user.by_id", query).observer(FailedLoads::default()).build();
    /// ```
    pub fn observer(mut self, observer: impl Observer) -> Self {
        self.settings.observer = Some(Arc::new(observer));
        self
    }

    /// Builds the cache.
    ///
    /// # Panics
    /// If the configuration can't work, with a sentence that says what to change: see
    /// [`Builder::try_build`] for the cases.
    pub fn build(self) -> Cached<K, V, E, C::Store, M>
    where
        K: Hash + Eq + Clone + Send + Sync + 'static,
        V: Clone + Send + Sync + 'static,
        E: Send + Sync + 'static,
        C: IntoStore<K, V>,
        M: Manner,
    {
        match self.try_build() {
            Ok(cached) => cached,
            Err(error) => panic!("{error}"),
        }
    }

    /// Builds the cache, for configurations that aren't known to work: names and sizes from a file, say.
    ///
    /// # Errors
    /// If the name is empty, longer than 200 bytes or has control characters, if a setting is out of its range, if a
    /// step has no effect without another that wasn't taken, or if the store can't be made as configured.
    pub fn try_build(mut self) -> Result<Cached<K, V, E, C::Store, M>, ConfigError>
    where
        K: Hash + Eq + Clone + Send + Sync + 'static,
        V: Clone + Send + Sync + 'static,
        E: Send + Sync + 'static,
        C: IntoStore<K, V>,
        M: Manner,
    {
        let policy = self.check()?;
        let evictions = Evictions::default();
        let in_cache = |error| ConfigError::new(format!("cache \"{}\": {error}", self.name));
        #[cfg(feature = "shared")]
        let shared = self.store.shared(&self.name).map_err(in_cache)?;
        #[cfg(feature = "shared")]
        let shared = shared.map(|shared| SharedTier::new(shared, random(), self.settings.cleanup_interval));
        #[cfg(feature = "shared")]
        let policy = match shared.as_ref().and_then(|shared| shared.settings.memory_life) {
            Some(life) => policy.before_shared_store(life),
            None => policy,
        };
        #[cfg(feature = "shared")]
        if shared.is_some() && M::RUNS != Runs::InItsRuntime {
            return Err(in_cache(ConfigError::new(
                "a shared store needs a runtime to wait in, and a cache of blocking functions has none: wrap an async \
                 function, or give it a store in memory",
            )));
        }
        let store = self.store.into_store(evictions.clone()).map_err(in_cache)?;
        let Settings { clock, telemetry, hit_timing, observer, insight, .. } = self.settings;
        let watcher = insight.then(|| Arc::new(Watcher::new(limit_of(store.levels()), &policy, clock.clone())));
        if let Some(watcher) = &watcher {
            evictions.remembered_by(Arc::<Watcher>::clone(watcher));
        }
        let Self { name: cache, error_type, labels, .. } = self;
        let kind = store.kind();
        #[cfg(feature = "shared")]
        let kind = shared.as_ref().map_or(kind, |shared| shared.store.kind());
        let identity = Identity { cache, store: kind, error_type, labels };
        let spans = Spans::new(identity.clone(), telemetry.clone());
        let recorder = Recorder::new(identity, telemetry.clone(), Some(evictions), hit_timing);
        #[cfg(feature = "shared")]
        let recorder = if shared.is_some() { recorder.of_shared_store() } else { recorder };
        let recorder = if watcher.is_some() { recorder.with_insight() } else { recorder };
        let recorder = Arc::new(match observer {
            Some(observer) => recorder.observed_by(observer),
            None => recorder,
        });
        let ledger = Ledger::new(Arc::clone(&recorder), clock.clone());
        #[cfg(feature = "persist")]
        let saved_every = self.persistence.as_ref().map(Persistence::interval);
        #[cfg(feature = "persist")]
        let ledger = match self.persistence {
            Some(persistence) => ledger.kept(persistence),
            None => ledger,
        };
        // The time limits of a shared store are told by the same clock.
        #[cfg(feature = "shared")]
        let ticks = policy.asks_for_time() || shared.is_some();
        #[cfg(not(feature = "shared"))]
        let ticks = policy.asks_for_time();
        let engine = Arc::new_cyclic(|engine: &Weak<Engine<K, V, E, C::Store>>| Engine {
            store,
            #[cfg(feature = "shared")]
            shared: shared.map(Arc::new),
            _ticking: ticks.then(|| clock.keep_ticking()).flatten(),
            _registration: telemetry.register(&recorder, Weak::clone(engine) as Weak<dyn Source>),
            recorder,
            clock,
            policy,
            admission: self.admission,
            errors: self.errors,
            tags: self.tags,
            counted_tags: self.counted_tags,
            loader: self.loader,
            batch_loader: self.batch_loader,
            load_limit: self.settings.load_concurrency.map(LoadLimit::new),
            finishes_cancelled_loads: self.settings.finish_cancelled_loads,
            wait_timeout: self.settings.wait_for_load_timeout,
            wait_error: self.wait_error,
            flights: Arc::new(Flights::new()),
            background: Background::new(M::RUNS),
            watcher,
            key_name: self.key_name,
            ledger,
            this: Weak::clone(engine),
            spans,
            hasher: RandomState::default(),
        });
        if let Some(interval) = self.settings.cleanup_interval.filter(|_| engine.policy.expires()) {
            housekeeping::every(interval, &engine, engine.background.closing(), Engine::clean_up);
        }
        housekeeping::every(SLICE, &engine, engine.background.dropped(), Engine::turn);
        #[cfg(feature = "persist")]
        if let Some(interval) = saved_every {
            housekeeping::every(interval, &engine, engine.background.dropped(), Engine::keep_metrics);
        }
        let live: Weak<dyn Live> = Arc::<Engine<K, V, E, C::Store>>::downgrade(&engine);
        live::enlist(live);
        Ok(Cached::of(engine))
    }
}

/// How large a store may get, if that is limited.
fn limit_of(levels: Levels) -> Option<Limit> {
    let in_entries = levels.entry_limit.map(|capacity| Limit { capacity, in_bytes: false });
    levels.byte_limit.map(|capacity| Limit { capacity, in_bytes: true }).or(in_entries)
}

impl<K, V, E, C: fmt::Debug, M> fmt::Debug for Builder<K, V, E, C, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder").field("name", &self.name).field("store", &self.store).finish_non_exhaustive()
    }
}

#[cfg(all(test, feature = "moka", feature = "shared"))]
mod tests {
    use cachescope_core::Clock;
    use cachescope_core::contract::InMemory;
    use cachescope_core::shared::Shared;

    use super::*;

    #[test]
    fn the_clock_ticks_for_the_time_limits_of_a_shared_store_though_nothing_expires() {
        let builder = || cached("builder.ticking", |n: u64| async move { n });
        let shared = builder().store(Shared::new(InMemory::new(Clock::system()))).build();
        assert!(shared.engine._ticking.is_some() && builder().build().engine._ticking.is_none());
    }
}
