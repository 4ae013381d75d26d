//! The clock of a cache: the system clock, or a manual clock for tests.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant, SystemTime};

use super::sleep::{Sleep, Timers};
use super::ticker::{self, TickerGuard};
use super::timestamp::{Timestamp, nanos};

/// The assumed maximum lag of the coarse time. Deadlines within this lag are checked with the precise clock.
///
/// Ten ticks: if the scheduler delays the ticker by less than this, an expired entry never looks fresh.
pub(crate) const COARSE_LAG: Duration = Duration::from_millis(100);

/// The start of the process, [`HEAD_START`] after the zero of [`Timestamp`]. All system clocks share it, so timestamps
/// of different caches can be compared.
static ORIGIN: LazyLock<Instant> = LazyLock::new(Instant::now);

/// Ten years, so that entries stored before the start of the process have a timestamp as well.
const HEAD_START: Duration = Duration::from_secs(10 * 365 * 24 * 3600);

/// The clock that a cache uses for expiry and timings. Cheap to clone; clones share their time.
///
/// There are two ways to read it. [`Clock::now`] is precise and takes about 30 ns on the system clock.
/// [`Clock::is_certainly_before`] uses a coarse time that costs one relaxed load.
///
/// ```
/// use std::time::Duration;
/// use cachescope_core::Clock;
///
/// let (clock, manual) = Clock::manual();
/// let start = clock.now();
/// manual.advance(Duration::from_secs(60));
/// assert_eq!(clock.now().since(start), Duration::from_secs(60));
/// ```
#[derive(Clone)]
#[doc(alias = "TimeProvider")]
#[doc(alias = "Ticker")]
pub struct Clock {
    coarse: Arc<AtomicU64>,
    source: Source,
}

#[derive(Clone)]
enum Source {
    System,
    Manual {
        /// The wall-clock time at the clock's origin.
        origin: SystemTime,
        timers: Arc<Timers>,
    },
}

impl Clock {
    /// Returns the system's monotonic clock. Whether time in suspend counts depends on the platform.
    #[must_use]
    pub fn system() -> Self {
        Self { coarse: ticker::coarse(), source: Source::System }
    }

    /// Creates a clock that stands still, and the [`ManualClock`] that moves it.
    #[must_use]
    pub fn manual() -> (Self, ManualClock) {
        let nanos = Arc::new(AtomicU64::new(nanos(HEAD_START)));
        let timers = Arc::new(Timers::default());
        let source = Source::Manual { origin: SystemTime::now() - HEAD_START, timers: Arc::clone(&timers) };
        (Self { coarse: Arc::clone(&nanos), source }, ManualClock { nanos, timers })
    }

    /// Returns the precise time.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        match self.source {
            Source::System => system_now(),
            Source::Manual { .. } => Timestamp::from_nanos(self.coarse.load(Ordering::Acquire)),
        }
    }

    /// Returns whether `deadline` is certainly in the future, by the coarse time. Costs one relaxed load and no system
    /// call.
    ///
    /// False means "perhaps not": then use [`Clock::now`]. True can be wrong only while the coarse time lags by more
    /// than 100 ms. This happens if the process gets no processor time for as long, or if a task's waker blocks the
    /// ticker thread. It requires that the [`TickerGuard`] of [`Clock::start_ticker`] is held.
    #[inline(always)]
    #[must_use]
    pub fn is_certainly_before(&self, deadline: Timestamp) -> bool {
        const COARSE_LAG_NANOS: u64 = COARSE_LAG.as_nanos() as u64;
        self.coarse.load(Ordering::Relaxed).saturating_add(COARSE_LAG_NANOS) < deadline.as_nanos()
            || deadline == Timestamp::NEVER
    }

    /// Updates the coarse time until the returned guard is dropped. Returns `None` for a manual clock, which needs no
    /// ticker.
    ///
    /// All guards of a process share one thread, which wakes up 100 times a second and ends with the last guard.
    #[must_use]
    pub fn start_ticker(&self) -> Option<TickerGuard> {
        matches!(self.source, Source::System).then(TickerGuard::start)
    }

    /// Waits for `duration` by this clock, on any executor. Sleeps by the system clock share one thread. Dropping the
    /// [`Sleep`] cancels the wait.
    pub fn sleep(&self, duration: Duration) -> Sleep {
        match &self.source {
            Source::System => Sleep::precise(duration),
            Source::Manual { timers, .. } => self.timer_sleep(timers, duration, None),
        }
    }

    /// Waits like [`Clock::sleep`], but more cheaply, for time limits that are rarely reached.
    ///
    /// By the system clock it takes up to one tick of 10 ms longer. It costs an entry in a list, where `sleep` wakes a
    /// thread. Hold a [`TickerGuard`](Clock::start_ticker) meanwhile, or each sleep starts the ticker again.
    pub fn coarse_sleep(&self, duration: Duration) -> Sleep {
        match &self.source {
            Source::System => match TickerGuard::start() {
                ticking if ticking.ticks() => self.timer_sleep(&ticker::timers(), duration, Some(ticking)),
                _ => Sleep::precise(duration),
            },
            Source::Manual { timers, .. } => self.timer_sleep(timers, duration, None),
        }
    }

    fn timer_sleep(&self, timers: &Arc<Timers>, duration: Duration, ticker: Option<TickerGuard>) -> Sleep {
        Sleep::timer(self.clone(), Arc::clone(timers), self.now().after(duration), ticker)
    }

    /// Returns the wall-clock time of `timestamp`, in the past or in the future: for the times of spans, and for other
    /// processes.
    #[must_use]
    pub fn wall_time(&self, timestamp: Timestamp) -> SystemTime {
        match self.source {
            // Relative to the present, so that a corrected system time is followed.
            Source::System => {
                let (wall, now) = (SystemTime::now(), system_now());
                // A `SystemTime` that overflows is far beyond any use.
                wall.checked_add(timestamp.since(now)).unwrap_or(wall) - now.since(timestamp)
            }
            Source::Manual { origin, .. } => origin + timestamp.since(Timestamp::from_nanos(0)),
        }
    }

    /// Returns the timestamp of a wall-clock time, the reverse of [`Clock::wall_time`]. A time more than ten years
    /// before the start of the process becomes the clock's origin.
    #[must_use]
    pub fn timestamp_of(&self, wall: SystemTime) -> Timestamp {
        let (at, now) = match &self.source {
            Source::System => (system_now(), SystemTime::now()),
            Source::Manual { origin, .. } => (Timestamp::from_nanos(0), *origin),
        };
        match wall.duration_since(now) {
            Ok(ahead) => at.after(ahead),
            Err(earlier) => at.before(earlier.duration()),
        }
    }
}

impl Default for Clock {
    fn default() -> Self {
        Self::system()
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match self.source {
            Source::System => "system",
            Source::Manual { .. } => "manual",
        };
        f.debug_struct("Clock").field("kind", &kind).field("now", &self.now()).finish()
    }
}

/// Moves the clock that [`Clock::manual`] created with it. Clones move the same clock.
#[derive(Clone, Debug)]
#[doc(alias = "mock clock")]
#[doc(alias = "FakeTicker")]
pub struct ManualClock {
    nanos: Arc<AtomicU64>,
    timers: Arc<Timers>,
}

impl ManualClock {
    /// Moves the clock forward, and wakes the sleeps that are due.
    pub fn advance(&self, by: Duration) {
        let later = |now: u64| Some(now.saturating_add(nanos(by)));
        // The closure never returns `None`, so there is no error.
        let _ = self.nanos.fetch_update(Ordering::AcqRel, Ordering::Acquire, later);
        self.timers.wake_due(Timestamp::from_nanos(self.nanos.load(Ordering::Acquire)));
    }
}

pub(crate) fn system_now() -> Timestamp {
    Timestamp::from_nanos(nanos(HEAD_START + ORIGIN.elapsed()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn manual_clock_moves_only_when_advanced() {
        let (clock, manual) = Clock::manual();
        let start = clock.now();
        assert_eq!(clock.now(), start);
        manual.advance(Duration::from_secs(1));
        assert_eq!(clock.now().since(start), Duration::from_secs(1));
        assert_eq!(
            clock.wall_time(clock.now()).duration_since(clock.wall_time(start)).unwrap(),
            Duration::from_secs(1)
        );
    }

    #[test]
    fn coarse_time_never_claims_more_than_precise_time() {
        let (clock, manual) = Clock::manual();
        let deadline = clock.now().after(Duration::from_secs(1));
        for _ in 0..30 {
            if clock.is_certainly_before(deadline) {
                assert!(clock.now() < deadline);
            }
            manual.advance(Duration::from_millis(50));
        }
        assert!(!clock.is_certainly_before(deadline));
        assert!(clock.is_certainly_before(Timestamp::NEVER));
    }

    #[test]
    fn wall_time_converts_back_to_its_timestamp_in_past_and_future() {
        let (clock, manual) = Clock::manual();
        manual.advance(Duration::from_secs(5));
        let day_ago = clock.now().before(Duration::from_secs(86_400));
        assert_eq!(clock.timestamp_of(clock.wall_time(day_ago)), day_ago);
        let system = Clock::system();
        let hour = Duration::from_secs(3600);
        let ahead = system.wall_time(system.now().after(hour)).duration_since(SystemTime::now()).unwrap();
        assert!(ahead.abs_diff(hour) < Duration::from_secs(60), "{ahead:?}");
        let ago = system.now().since(system.timestamp_of(SystemTime::now() - Duration::from_secs(3600)));
        assert!(ago.abs_diff(hour) < Duration::from_secs(60), "{ago:?}");
    }
}
