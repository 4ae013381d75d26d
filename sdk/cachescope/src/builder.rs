//! Wrapping a function, step by step.

use std::convert::Infallible;
use std::fmt;
use std::hash::Hash;
use std::sync::{Arc, Weak};
use std::time::Duration;

use cachescope_core::{Clock, ConfigError, Evictions, Identity, IntoStore, Recorder, Source, Store, Telemetry};
use foldhash::fast::RandomState;

use crate::cached::Cached;
use crate::default_store::DefaultConfig;
use crate::engine::Engine;
use crate::flight::Flights;
use crate::loader::Loader;
use crate::policy::Policy;
use crate::spans::Spans;

/// Longer names make series that back ends cut or refuse.
const NAME_LIMIT: usize = 200;

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
    F: Fn(K) -> R + Send + Sync + 'static,
    R: Future<Output = V> + Send + 'static,
    V: 'static,
{
    Builder::wrap(name.into(), Loader::of_values(load), None)
}

/// Wraps a function that returns a `Result`. An `Err` reaches the caller and is never stored.
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
    F: Fn(K) -> R + Send + Sync + 'static,
    R: Future<Output = Result<V, E>> + Send + 'static,
{
    Builder::wrap(name.into(), Loader::new(load), Some(std::any::type_name::<E>()))
}

/// A cache that isn't built yet. Made by [`cached`] and [`try_cached`].
#[must_use = "a cache exists once it is built"]
pub struct Builder<K, V, E, C = DefaultConfig<K, V>> {
    name: String,
    loader: Loader<K, V, E>,
    error_type: Option<&'static str>,
    store: C,
    policy: Policy,
    clock: Clock,
    telemetry: Telemetry,
}

impl<K, V, E> Builder<K, V, E> {
    fn wrap(name: String, loader: Loader<K, V, E>, error_type: Option<&'static str>) -> Self {
        Self {
            name,
            loader,
            error_type,
            store: DefaultConfig::default(),
            policy: Policy { stale_after: None, serve_stale_for: Duration::ZERO },
            clock: Clock::system(),
            telemetry: Telemetry::global(),
        }
    }
}

impl<K, V, E, C> Builder<K, V, E, C> {
    /// How long a value is fresh, from when its load returned. Default: for ever.
    ///
    /// An expired entry is never served; zero makes every request load, those of one moment together.
    /// Costs a compare per hit, and one thread per process that keeps a coarse time.
    pub fn stale_after(mut self, life: Duration) -> Self {
        self.policy.stale_after = Some(life);
        self
    }

    /// Where entries live. Default: `Moka::with_capacity(10_000)`.
    pub fn store<D>(self, store: D) -> Builder<K, V, E, D> {
        let Self { name, loader, error_type, store: _, policy, clock, telemetry } = self;
        Builder { name, loader, error_type, store, policy, clock, telemetry }
    }

    /// The time to live by. Default: the system's clock; tests give one that they move.
    pub fn clock(mut self, clock: Clock) -> Self {
        self.clock = clock;
        self
    }

    /// Where telemetry goes. Default: OpenTelemetry's global providers, whenever they are set up.
    pub fn telemetry(mut self, telemetry: Telemetry) -> Self {
        self.telemetry = telemetry;
        self
    }

    /// Builds the cache.
    ///
    /// # Panics
    /// If the configuration can't work, with a sentence that says what to change: see
    /// [`Builder::try_build`] for the cases.
    pub fn build(self) -> Cached<K, V, E, C::Store>
    where
        K: Hash + Eq + Clone + Send + Sync + 'static,
        V: Clone + Send + Sync + 'static,
        E: Send + Sync + 'static,
        C: IntoStore<K, V>,
    {
        match self.try_build() {
            Ok(cached) => cached,
            Err(error) => panic!("{error}"),
        }
    }

    /// Builds the cache, for configurations that aren't known to work: names and sizes from a file, say.
    ///
    /// # Errors
    /// If the name is empty, longer than 200 bytes or has control characters, or if the store can't be
    /// made as configured.
    pub fn try_build(self) -> Result<Cached<K, V, E, C::Store>, ConfigError>
    where
        K: Hash + Eq + Clone + Send + Sync + 'static,
        V: Clone + Send + Sync + 'static,
        E: Send + Sync + 'static,
        C: IntoStore<K, V>,
    {
        check_name(&self.name)?;
        let evictions = Evictions::default();
        let in_cache = |error| ConfigError::new(format!("cache \"{}\": {error}", self.name));
        let store = self.store.into_store(evictions.clone()).map_err(in_cache)?;
        let identity = Identity { cache: self.name, store: store.kind(), error_type: self.error_type };
        let spans = Spans::new(identity.clone(), self.telemetry.clone());
        let recorder = Arc::new(Recorder::new(identity, self.telemetry.clone(), Some(evictions)));
        let engine = Arc::new_cyclic(|engine: &Weak<Engine<K, V, E, C::Store>>| Engine {
            store,
            _ticking: self.policy.stale_after.and_then(|_| self.clock.keep_ticking()),
            _registration: self.telemetry.register(&recorder, Weak::clone(engine) as Weak<dyn Source>),
            recorder,
            clock: self.clock,
            policy: self.policy,
            loader: self.loader,
            flights: Flights::new(),
            spans,
            hasher: RandomState::default(),
        });
        Ok(Cached(engine))
    }
}

fn check_name(name: &str) -> Result<(), ConfigError> {
    if name.is_empty() {
        return Err(ConfigError::new("a cache has no name: give it one such as \"user.by_id\", telemetry goes by it"));
    }
    if name.len() > NAME_LIMIT || name.chars().any(char::is_control) {
        let name = name.escape_debug();
        return Err(ConfigError::new(format!(
            "cache name \"{name}\": use at most {NAME_LIMIT} bytes and no control characters"
        )));
    }
    Ok(())
}

impl<K, V, E, C: fmt::Debug> fmt::Debug for Builder<K, V, E, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder")
            .field("name", &self.name)
            .field("store", &self.store)
            .field("policy", &self.policy)
            .finish_non_exhaustive()
    }
}

#[cfg(all(test, feature = "moka"))]
mod tests {
    use cachescope_moka::Moka;

    use super::*;

    fn refused(name: &str, capacity: u64) -> String {
        let builder = cached(name, |id: u64| async move { id }).store(Moka::with_capacity(capacity));
        builder.try_build().expect_err("refused").to_string()
    }

    #[test]
    fn what_cannot_work_says_what_to_change() {
        assert!(refused("", 1).contains("give it one"));
        assert!(refused("a\nb", 1).contains(r"a\nb"));
        assert!(refused(&"x".repeat(201), 1).contains("at most 200 bytes"));
        assert_eq!(
            refused("user.by_id", 0),
            "cache \"user.by_id\": a moka store of capacity 0 keeps nothing: give it room for 1 entry or more"
        );
    }
}
