//! The settings of a cache that don't depend on its types, and the defaults of the process.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use cachescope_core::{Clock, ConfigError, Observer};
use cachescope_telemetry::{HitTiming, Telemetry};

/// The defaults of all caches of the process, for [`set_defaults`]. Each field is described at the method of
/// [`Builder`](crate::Builder) with its name.
///
/// ```
/// use std::time::Duration;
/// use cachescope::Settings;
///
/// let settings = Settings { stale_after: Some(Duration::from_secs(60)), jitter: 0.1, ..Settings::default() };
/// ```
#[derive(Clone, Debug)]
pub struct Settings {
    /// The TTL; `None`: entries never expire.
    pub stale_after: Option<Duration>,
    /// The share of the TTL by which it is shortened at random, from 0 to 1.
    pub jitter: f64,
    /// The time before the expiry from which on a hit refreshes the entry in the background. Zero: never.
    pub refresh_ahead: Duration,
    /// The factor of probabilistic early expiration. Zero: off.
    pub early_expiration: f64,
    /// The time for which an expired entry is served while it is refreshed. Zero: none.
    pub serve_stale_for: Duration,
    /// The time for which an expired entry is served where the load fails. Zero: none.
    pub serve_stale_on_error: Duration,
    /// The longest wait for another request's load; `None`: as long as the load takes.
    pub wait_for_load_timeout: Option<Duration>,
    /// The limit of concurrent loads of a cache; `None`: no limit.
    pub load_concurrency: Option<usize>,
    /// Whether a load goes on after its request was cancelled.
    pub finish_cancelled_loads: bool,
    /// The interval at which entries that can't answer any request are removed; `None`: never.
    pub cleanup_interval: Option<Duration>,
    /// Which hits are timed.
    pub hit_timing: HitTiming,
    /// Whether insight is gathered, in up to 256 KiB per cache.
    pub insight: bool,
    /// The observer of all events.
    pub observer: Option<Arc<dyn Observer>>,
    /// The clock for expiry and timings.
    pub clock: Clock,
    /// Where telemetry goes.
    pub telemetry: Telemetry,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            stale_after: None,
            jitter: 0.0,
            refresh_ahead: Duration::ZERO,
            early_expiration: 0.0,
            serve_stale_for: Duration::ZERO,
            serve_stale_on_error: Duration::ZERO,
            wait_for_load_timeout: None,
            load_concurrency: None,
            finish_cancelled_loads: false,
            cleanup_interval: None,
            hit_timing: HitTiming::Paced,
            insight: true,
            observer: None,
            clock: Clock::system(),
            telemetry: Telemetry::global(),
        }
    }
}

impl Settings {
    /// Returns an error for a setting that is out of its range.
    pub(crate) fn check(&self) -> Result<(), ConfigError> {
        let (jitter, beta) = (self.jitter, self.early_expiration);
        if !(0.0..=1.0).contains(&jitter) {
            return Err(ConfigError::new(format!("jitter must be from 0 to 1, got {jitter}")));
        }
        if !(beta.is_finite() && beta >= 0.0) {
            return Err(ConfigError::new(format!(
                "early_expiration must be a finite number of 0 or more, got {beta}: 1 is the usual choice"
            )));
        }
        if self.load_concurrency == Some(0) {
            return Err(ConfigError::new("load_concurrency must be at least 1, got 0"));
        }
        if self.hit_timing == HitTiming::OneIn(0) {
            return Err(ConfigError::new(
                "hit_timing must be one in 1 or more, got one in 0: use HitTiming::Never to time no hit",
            ));
        }
        if self.cleanup_interval.is_some_and(|interval| interval.is_zero()) {
            return Err(ConfigError::new("cleanup_interval must be greater than zero, got 0"));
        }
        Ok(())
    }
}

static DEFAULTS: Mutex<Defaults> = Mutex::new(Defaults::Unset);

enum Defaults {
    /// No cache was created yet.
    Unset,
    /// Defaults were set; caches may have been created with them.
    Set(Box<Settings>),
    /// A cache was created before defaults were set.
    Passed,
}

/// Sets the defaults of every cache of this process. Call it once, before the first [`cached`](crate::cached()), so
/// that all caches have the same defaults.
///
/// # Errors
/// If a cache exists already, if defaults were set before, or if a setting is out of its range.
///
/// ```standalone_crate
/// use std::time::Duration;
/// use cachescope::{Settings, cached, set_defaults};
///
/// set_defaults(Settings { stale_after: Some(Duration::from_secs(60)), ..Settings::default() })?;
/// let user = cached("user.by_id", |id: u64| async move { id }).build(); // fresh for a minute
/// let country = cached("country", |code: u64| async move { code }).stale_after(Duration::from_secs(3600)).build();
/// assert!(set_defaults(Settings::default()).is_err());
/// # Ok::<_, cachescope::ConfigError>(())
/// ```
pub fn set_defaults(settings: Settings) -> Result<(), ConfigError> {
    settings.check()?;
    let mut defaults = DEFAULTS.lock().unwrap_or_else(PoisonError::into_inner);
    match *defaults {
        Defaults::Unset => {
            *defaults = Defaults::Set(Box::new(settings));
            Ok(())
        }
        Defaults::Set(_) => Err(ConfigError::new(
            "set_defaults must be called once, got a second call: set the defaults at the start of the program",
        )),
        Defaults::Passed => Err(ConfigError::new(
            "set_defaults must be called before the first cache is created, got a call after it: set the defaults at the start of the program",
        )),
    }
}

/// Returns the settings that a new cache starts with.
pub(crate) fn defaults() -> Settings {
    let mut defaults = DEFAULTS.lock().unwrap_or_else(PoisonError::into_inner);
    match &*defaults {
        Defaults::Set(settings) => Settings::clone(settings),
        Defaults::Unset | Defaults::Passed => {
            *defaults = Defaults::Passed;
            Settings::default()
        }
    }
}
