//! Time, injected: the system's, or one that a test moves by hand.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant, SystemTime};

use crate::sleep::{Alarms, Sleep};
use crate::ticker::{self, Ticking};

/// How far the coarse time may lag before a deadline is confirmed by the precise clock.
///
/// Ten ticks: a ticker that the scheduler delays by less than this never makes an expired entry look fresh.
pub(crate) const SLACK: Duration = Duration::from_millis(100);

/// When the process began to count, [`HEAD_START`] after zero of [`Moment`], for every system clock: so that moments
/// compare across caches.
static ORIGIN: LazyLock<Instant> = LazyLock::new(Instant::now);

/// Ten years: what was stored before this process began has a moment, too.
const HEAD_START: Duration = Duration::from_secs(10 * 365 * 24 * 3600);

/// A point in a [`Clock`]'s monotonic time, in nanoseconds since the clock's origin.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Moment(u64);

impl Moment {
    /// A moment that never comes: the expiry of an entry that doesn't expire.
    pub const NEVER: Self = Self(u64::MAX);

    /// The moment `nanos` nanoseconds after the clock's origin.
    #[must_use]
    pub const fn from_nanos(nanos: u64) -> Self {
        Self(nanos)
    }

    /// Nanoseconds since the clock's origin.
    #[must_use]
    pub const fn as_nanos(self) -> u64 {
        self.0
    }

    /// The time from `earlier` to `self`; zero if `earlier` is later.
    #[must_use]
    pub const fn since(self, earlier: Self) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }

    /// The moment `duration` earlier; the clock's origin if that is before it.
    #[must_use]
    pub fn before(self, duration: Duration) -> Self {
        Self(self.0.saturating_sub(nanos(duration)))
    }

    /// The moment `duration` later; [`Moment::NEVER`] if that can't be represented (584 years).
    #[must_use]
    pub fn after(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(nanos(duration)))
    }
}

/// The time a cache lives by. Cheap to clone; clones share their time.
///
/// Two readings: [`Clock::now`] is precise (about 30 ns on the system clock), and
/// [`Clock::is_surely_before`] answers from a coarse time that costs one relaxed load.
///
/// ```
/// use std::time::Duration;
/// use cachescope_core::Clock;
///
/// let (clock, hands) = Clock::manual();
/// let start = clock.now();
/// hands.advance(Duration::from_secs(60));
/// assert_eq!(clock.now().since(start), Duration::from_secs(60));
/// ```
#[derive(Clone)]
pub struct Clock {
    coarse: Arc<AtomicU64>,
    source: Source,
}

#[derive(Clone)]
enum Source {
    System,
    Manual {
        /// The wall time at the clock's origin.
        origin: SystemTime,
        alarms: Arc<Alarms>,
    },
}

impl Clock {
    /// The system's monotonic clock. Time spent suspended may not count, as the platform has it.
    #[must_use]
    pub fn system() -> Self {
        Self { coarse: ticker::coarse(), source: Source::System }
    }

    /// A clock that stands still until its [`ClockHands`] move it.
    #[must_use]
    pub fn manual() -> (Self, ClockHands) {
        let nanos = Arc::new(AtomicU64::new(nanos(HEAD_START)));
        let alarms = Arc::new(Alarms::default());
        let source = Source::Manual { origin: SystemTime::now() - HEAD_START, alarms: Arc::clone(&alarms) };
        (Self { coarse: Arc::clone(&nanos), source }, ClockHands { nanos, alarms })
    }

    /// The precise time.
    #[must_use]
    pub fn now(&self) -> Moment {
        match self.source {
            Source::System => system_now(),
            Source::Manual { .. } => Moment(self.coarse.load(Ordering::Acquire)),
        }
    }

    /// Whether `deadline` is certainly still ahead, by the coarse time: one relaxed load, no system call.
    ///
    /// False means "perhaps not": ask [`Clock::now`]. True can be wrong only while the coarse time lags
    /// by more than 100 ms, which takes a process that got no processor time for as long, or a task's waker
    /// that blocks whoever wakes it; and it needs the [`Ticking`] of [`Clock::keep_ticking`] to be held.
    #[inline(always)]
    #[must_use]
    pub fn is_surely_before(&self, deadline: Moment) -> bool {
        const SLACK_NANOS: u64 = SLACK.as_nanos() as u64;
        self.coarse.load(Ordering::Relaxed).saturating_add(SLACK_NANOS) < deadline.0 || deadline.0 == u64::MAX
    }

    /// Keeps the coarse time moving for as long as the returned guard lives.
    ///
    /// All guards of a process share one thread, which wakes 100 times a second and ends with the last guard.
    #[must_use]
    pub fn keep_ticking(&self) -> Option<Ticking> {
        matches!(self.source, Source::System).then(Ticking::start)
    }

    /// Waits for as long, by this clock, on any executor. Sleeps by the system's clock share one thread.
    pub fn sleep(&self, duration: Duration) -> Sleep {
        match &self.source {
            Source::System => Sleep::precise(duration),
            Source::Manual { alarms, .. } => self.alarm(alarms, duration, None),
        }
    }

    /// [`Clock::sleep`] for time limits, which are seldom reached: by the system's clock it takes up to a tick of 10 ms
    /// longer, and costs a place in a list where `sleep` wakes a thread. Keep the clock
    /// [ticking](Clock::keep_ticking) meanwhile, or each sleep starts the ticker anew.
    pub fn coarse_sleep(&self, duration: Duration) -> Sleep {
        match &self.source {
            Source::System => match Ticking::start() {
                ticking if ticking.ticks() => self.alarm(&ticker::alarms(), duration, Some(ticking)),
                _ => Sleep::precise(duration),
            },
            Source::Manual { alarms, .. } => self.alarm(alarms, duration, None),
        }
    }

    fn alarm(&self, alarms: &Arc<Alarms>, duration: Duration, ringing: Option<Ticking>) -> Sleep {
        Sleep::alarm(self.clone(), Arc::clone(alarms), self.now().after(duration), ringing)
    }

    /// The wall time of `moment`, past or to come: for the timestamps of spans, and for other processes.
    #[must_use]
    pub fn wall(&self, moment: Moment) -> SystemTime {
        match self.source {
            // From the present on, so that a corrected system time is followed.
            Source::System => {
                let (wall, now) = (SystemTime::now(), system_now());
                // What a system time can't tell is beyond all use.
                wall.checked_add(moment.since(now)).unwrap_or(wall) - now.since(moment)
            }
            Source::Manual { origin, .. } => origin + moment.since(Moment(0)),
        }
    }

    /// The moment of a wall time, the reverse of [`Clock::wall`]. What is more than ten years before the process began
    /// is at the clock's origin.
    #[must_use]
    pub fn moment_of(&self, wall: SystemTime) -> Moment {
        let (at, now) = match &self.source {
            Source::System => (system_now(), SystemTime::now()),
            Source::Manual { origin, .. } => (Moment(0), *origin),
        };
        match wall.duration_since(now) {
            Ok(ahead) => at.after(ahead),
            Err(behind) => at.before(behind.duration()),
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

/// Moves the [`Clock::manual`] it came with. Clones move the same clock.
#[derive(Clone, Debug)]
pub struct ClockHands {
    nanos: Arc<AtomicU64>,
    alarms: Arc<Alarms>,
}

impl ClockHands {
    /// Moves the clock forward, and wakes whoever slept until then.
    pub fn advance(&self, by: Duration) {
        let later = |now: u64| Some(now.saturating_add(nanos(by)));
        // The closure never declines, so there is no error to look at.
        let _ = self.nanos.fetch_update(Ordering::AcqRel, Ordering::Acquire, later);
        self.alarms.ring(Moment(self.nanos.load(Ordering::Acquire)));
    }
}

/// In nanoseconds; 584 years and longer are the most there is.
///
/// ```
/// use std::time::Duration;
///
/// assert_eq!(cachescope_core::nanos(Duration::from_micros(2)), 2_000);
/// assert_eq!(cachescope_core::nanos(Duration::MAX), u64::MAX);
/// ```
#[must_use]
pub fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

pub(crate) fn system_now() -> Moment {
    Moment(nanos(HEAD_START + ORIGIN.elapsed()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_manual_clock_moves_only_by_hand() {
        let (clock, hands) = Clock::manual();
        let start = clock.now();
        assert_eq!(clock.now(), start);
        hands.advance(Duration::from_secs(1));
        assert_eq!(clock.now().since(start), Duration::from_secs(1));
        assert_eq!(clock.wall(clock.now()).duration_since(clock.wall(start)).unwrap(), Duration::from_secs(1));
    }

    #[test]
    fn the_coarse_answer_is_never_surer_than_the_precise_one() {
        let (clock, hands) = Clock::manual();
        let deadline = clock.now().after(Duration::from_secs(1));
        for _ in 0..30 {
            if clock.is_surely_before(deadline) {
                assert!(clock.now() < deadline);
            }
            hands.advance(Duration::from_millis(50));
        }
        assert!(!clock.is_surely_before(deadline));
        assert!(clock.is_surely_before(Moment::NEVER));
    }

    #[test]
    fn a_wall_time_has_its_moment_before_the_process_began_and_ahead() {
        let (clock, hands) = Clock::manual();
        hands.advance(Duration::from_secs(5));
        let day_ago = clock.now().before(Duration::from_secs(86_400));
        assert_eq!(clock.moment_of(clock.wall(day_ago)), day_ago);
        let system = Clock::system();
        let hour = Duration::from_secs(3600);
        let ahead = system.wall(system.now().after(hour)).duration_since(SystemTime::now()).unwrap();
        assert!(ahead.abs_diff(hour) < Duration::from_secs(60), "{ahead:?}");
        let ago = system.now().since(system.moment_of(SystemTime::now() - Duration::from_secs(3600)));
        assert!(ago.abs_diff(hour) < Duration::from_secs(60), "{ago:?}");
    }

    #[test]
    fn moments_saturate() {
        assert_eq!(Moment(5).since(Moment(9)), Duration::ZERO);
        assert_eq!(Moment(5).after(Duration::MAX), Moment::NEVER);
    }
}
