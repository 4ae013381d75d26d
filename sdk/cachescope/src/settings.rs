//! What a cache is set to, apart from what depends on the types of its values.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use cachescope_core::{Clock, ConfigError, HitTiming, Observer, Telemetry};

/// What caches are set to that aren't told otherwise: given to [`set_defaults`]. Each field is described at the step of
/// [`Builder`](crate::Builder) of its name.
///
/// ```
/// use std::time::Duration;
/// use cachescope::Settings;
///
/// let settings = Settings { stale_after: Some(Duration::from_secs(60)), jitter: 0.1, ..Settings::default() };
/// ```
#[derive(Clone, Debug)]
pub struct Settings {
    /// How long values are fresh; `None` is for ever.
    pub stale_after: Option<Duration>,
    /// By up to which share of itself a life is shortened, 0 to 1.
    pub jitter: f64,
    /// How long before its end an entry is renewed behind the request that hits it. Zero: not at all.
    pub refresh_ahead: Duration,
    /// How much earlier than that an entry is renewed by what it cost to load. Zero: no earlier.
    pub early_expiration: f64,
    /// How long an entry past its life is still served. Zero: not at all.
    pub serve_stale_for: Duration,
    /// How long it still answers where a load fails. Zero: not at all.
    pub serve_stale_on_error: Duration,
    /// How long a request waits for another's load; `None` is as long as that takes.
    pub wait_for_load_timeout: Option<Duration>,
    /// How many loads of one cache run at a time; `None` is any number.
    pub load_concurrency: Option<usize>,
    /// Whether a load goes on whose request is cancelled.
    pub finish_cancelled_loads: bool,
    /// How often entries past all use are looked for and dropped; `None` is never.
    pub cleanup_interval: Option<Duration>,
    /// Which hits are timed.
    pub hit_timing: HitTiming,
    /// Whether insight is gained, in up to 256 KiB a cache.
    pub insight: bool,
    /// Who is told what happens, as it happens.
    pub observer: Option<Arc<dyn Observer>>,
    /// The time to live by.
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
    /// Says which setting is out of its range.
    pub(crate) fn check(&self) -> Result<(), ConfigError> {
        let (jitter, beta) = (self.jitter, self.early_expiration);
        if !(0.0..=1.0).contains(&jitter) {
            return Err(ConfigError::new(format!("a jitter of {jitter} isn't a share: give it 0 to 1")));
        }
        if !(beta.is_finite() && beta >= 0.0) {
            return Err(ConfigError::new(format!(
                "an early_expiration of {beta} is no factor: give it 0 or more, 1 say"
            )));
        }
        if self.load_concurrency == Some(0) {
            return Err(ConfigError::new("a load_concurrency of 0 lets nothing load: give it 1 or more"));
        }
        if self.hit_timing == HitTiming::OneIn(0) {
            return Err(ConfigError::new("a hit_timing of one in 0 times nothing: say one in 1 or more, or never"));
        }
        if self.cleanup_interval.is_some_and(|interval| interval.is_zero()) {
            return Err(ConfigError::new("a cleanup_interval of 0 never ends: give it a minute, say"));
        }
        Ok(())
    }
}

static DEFAULTS: Mutex<Defaults> = Mutex::new(Defaults::Unset);

enum Defaults {
    /// Nobody has asked yet.
    Unset,
    /// They were set, and caches may have been made with them.
    Set(Box<Settings>),
    /// A cache was made without.
    Passed,
}

/// Sets what every cache of this process is set to that isn't told otherwise. Once, before the first
/// [`cached`](crate::cached()): so all caches agree on what isn't said.
///
/// # Errors
/// If there is a cache already, if defaults were set before, or if a setting is out of its range.
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
        Defaults::Set(_) => Err(ConfigError::new("the defaults of caches are set already: set them once, at start")),
        Defaults::Passed => {
            Err(ConfigError::new("there is a cache already: set the defaults before the first one is made"))
        }
    }
}

/// What a cache begins with.
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
