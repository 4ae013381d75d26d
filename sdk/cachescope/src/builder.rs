//! Wrapping a function, step by step.

use std::convert::Infallible;
use std::fmt;
use std::hash::Hash;
use std::sync::{Arc, Weak};
use std::time::Duration;

use cachescope_core::{Clock, ConfigError, Evictions, Identity, IntoStore, Recorder, Source, Store, Telemetry};
use foldhash::fast::RandomState;

use crate::admission::Admission;
use crate::cached::Cached;
use crate::default_store::DefaultConfig;
use crate::engine::Engine;
use crate::flight::Flights;
use crate::live::{self, Live};
use crate::loader::Loader;
use crate::policy::{Life, Policy};
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
    policy: Policy<V>,
    admission: Admission<V>,
    wait_timeout: Option<Duration>,
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
            policy: Policy {
                life: Life::Unlimited,
                jitter: 0.0,
                serve_stale_for: Duration::ZERO,
                serve_stale_on_error: Duration::ZERO,
            },
            admission: Admission::of_all(),
            wait_timeout: None,
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
        self.policy.life = Life::Same(life);
        self
    }

    /// How long each value is fresh, by the value; `None` is for ever. Takes the place of
    /// [`Builder::stale_after`]. Runs once per stored value, under a lock: it must not call the cache.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # #[derive(Clone)] struct Token { expires_in: Option<Duration> }
    /// # async fn fetch(_: u64) -> Token { Token { expires_in: None } }
    /// let token = cachescope::cached("token", fetch).stale_after_by(|token| token.expires_in).build();
    /// ```
    pub fn stale_after_by(mut self, life_of: impl Fn(&V) -> Option<Duration> + Send + Sync + 'static) -> Self {
        self.policy.life = Life::Each(Box::new(life_of));
        self
    }

    /// Shortens each life at random by up to this share of it, so that entries stored together don't expire
    /// together. 0 to 1; default 0.
    pub fn jitter(mut self, share: f64) -> Self {
        self.policy.jitter = share;
        self
    }

    /// How long an entry past its life is still served, while it is renewed behind the request. Default: not at all.
    ///
    /// At most one load a key runs at a time, in a task of the tokio runtime that the request runs in; without one,
    /// the request loads as on any miss. Such a request's result is `stale`.
    pub fn serve_stale_for(mut self, time: Duration) -> Self {
        self.policy.serve_stale_for = time;
        self
    }

    /// How long an entry past its life still answers where a load returns an error. Default: not at all.
    ///
    /// Such a request's result is `stale`, with the error's type. A panic isn't an error.
    pub fn serve_stale_on_error(mut self, time: Duration) -> Self {
        self.policy.serve_stale_on_error = time;
        self
    }

    /// Keeps only values for which `keeps` says true; others reach their caller and are counted as rejected, and
    /// what the cache held of their key stays.
    /// Default: all. Runs once per load, under a lock: it must not call the cache.
    pub fn cache_if(mut self, keeps: impl Fn(&V) -> bool + Send + Sync + 'static) -> Self {
        self.admission.keeps = Some(Box::new(keeps));
        self
    }

    /// How large a value is, in bytes: telemetry then tells the sizes of what is stored, and
    /// [`Builder::entry_size_limit`] can refuse what is too large. Default: unknown.
    /// Runs once per load, under a lock: it must not call the cache.
    ///
    /// ```
    /// # async fn fetch(_: u64) -> String { String::new() }
    /// let page = cachescope::cached("page", fetch).entry_size(String::len).entry_size_limit(1 << 20).build();
    /// ```
    pub fn entry_size(mut self, size_of: impl Fn(&V) -> usize + Send + Sync + 'static) -> Self {
        self.admission.size_of = Some(Box::new(size_of));
        self
    }

    /// Keeps only values of at most `bytes` bytes, as [`Builder::entry_size`] counts them, which it needs; larger
    /// ones reach their caller and are counted as rejected. Default: no limit.
    pub fn entry_size_limit(mut self, bytes: u64) -> Self {
        self.admission.size_limit = Some(bytes);
        self
    }

    /// How long a request waits for another's load before it loads for itself. Default: as long as that takes.
    ///
    /// Whichever load ends first is stored and answers those who still wait, unless the key was invalidated. A load that hangs then costs each
    /// request of its key this long, instead of holding it for ever. Zero: nobody waits.
    pub fn wait_for_load_timeout(mut self, timeout: Duration) -> Self {
        self.wait_timeout = Some(timeout);
        self
    }

    /// Where entries live. Default: `Moka::with_capacity(10_000)`.
    pub fn store<D>(self, store: D) -> Builder<K, V, E, D> {
        let Self { name, loader, error_type, store: _, policy, admission, wait_timeout, clock, telemetry } = self;
        Builder { name, loader, error_type, store, policy, admission, wait_timeout, clock, telemetry }
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
    /// If the name is empty, longer than 200 bytes or has control characters, if a jitter isn't a share, if there is a
    /// step about expiry and nothing expires, if entries have a limit of size and no size, or if the store can't be
    /// made as configured.
    pub fn try_build(self) -> Result<Cached<K, V, E, C::Store>, ConfigError>
    where
        K: Hash + Eq + Clone + Send + Sync + 'static,
        V: Clone + Send + Sync + 'static,
        E: Send + Sync + 'static,
        C: IntoStore<K, V>,
    {
        check_name(&self.name)?;
        check_life(&self.name, &self.policy)?;
        self.admission.check(&self.name)?;
        let evictions = Evictions::default();
        let in_cache = |error| ConfigError::new(format!("cache \"{}\": {error}", self.name));
        let store = self.store.into_store(evictions.clone()).map_err(in_cache)?;
        let identity = Identity { cache: self.name, store: store.kind(), error_type: self.error_type };
        let spans = Spans::new(identity.clone(), self.telemetry.clone());
        let recorder = Arc::new(Recorder::new(identity, self.telemetry.clone(), Some(evictions)));
        let engine = Arc::new_cyclic(|engine: &Weak<Engine<K, V, E, C::Store>>| Engine {
            store,
            _ticking: self.policy.expires().then(|| self.clock.keep_ticking()).flatten(),
            _registration: self.telemetry.register(&recorder, Weak::clone(engine) as Weak<dyn Source>),
            recorder,
            clock: self.clock,
            policy: self.policy,
            admission: self.admission,
            wait_timeout: self.wait_timeout,
            loader: self.loader,
            flights: Arc::new(Flights::new()),
            this: Weak::clone(engine),
            spans,
            hasher: RandomState::default(),
        });
        let live: Weak<dyn Live> = Arc::<Engine<K, V, E, C::Store>>::downgrade(&engine);
        live::enlist(live);
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

fn check_life<V>(name: &str, policy: &Policy<V>) -> Result<(), ConfigError> {
    let jitter = policy.jitter;
    if !(0.0..=1.0).contains(&jitter) {
        return Err(ConfigError::new(format!("cache \"{name}\": a jitter of {jitter} isn't a share: give it 0 to 1")));
    }
    let pointless = [
        (jitter > 0.0, "jitter"),
        (!policy.serve_stale_for.is_zero(), "serve_stale_for"),
        (!policy.serve_stale_on_error.is_zero(), "serve_stale_on_error"),
    ];
    match pointless.into_iter().find(|(asked, _)| *asked && !policy.expires()) {
        Some((_, step)) => Err(ConfigError::new(format!(
            "cache \"{name}\": {step} has no effect on values that are fresh for ever: add stale_after, or leave it out"
        ))),
        None => Ok(()),
    }
}

impl<K, T: 'static, E, C> Builder<K, Option<T>, E, C> {
    /// Whether `None` is kept. Default: it is, as any value.
    pub fn allow_none(self, allow: bool) -> Self {
        if allow { self } else { self.cache_if(Option::is_some) }
    }
}

impl<K, V, E, C: fmt::Debug> fmt::Debug for Builder<K, V, E, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder").field("name", &self.name).field("store", &self.store).finish_non_exhaustive()
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
    fn a_jitter_is_a_share_of_something() {
        let built = |jitter, life: Option<Duration>| {
            let builder = cached("jittered", |id: u64| async move { id }).jitter(jitter);
            let builder = life.into_iter().fold(builder, Builder::stale_after);
            builder.try_build().map_err(|error| error.to_string())
        };
        let life = Some(Duration::from_secs(60));
        assert!(built(0.1, life).is_ok() && built(0.0, None).is_ok());
        assert!(built(1.1, life).expect_err("too much").contains("0 to 1"));
        assert!(built(f64::NAN, life).expect_err("no number").contains("0 to 1"));
        assert!(built(0.1, None).expect_err("nothing to shorten").contains("add stale_after"));
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
