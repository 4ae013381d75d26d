//! Which hits are timed. All are counted.

use std::time::Duration;

/// A thread times about one hit of a cache in this time, and so every hit where hits are rarer.
///
/// A timed hit costs two clock reads and two records into OpenTelemetry's histograms, about 4,200
/// instructions or a microsecond: a thousandth of a core at this pace.
const PACE: Duration = Duration::from_millis(1);

/// However fast hits come, one in so many is timed, on average: after a burst, a cache that has become
/// quiet gets to its next timed hit within twice as many.
pub(super) const LONGEST_INTERVAL: u64 = 512;

/// Which hits are timed. Counts never depend on it; what was timed in fact is exported, as
/// `cachescope.hit.timing.interval`.
///
/// A timed hit costs about a microsecond where an SDK is set up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum HitTiming {
    /// About one a millisecond and thread, all where hits are rarer, and never fewer than one in 512: a thousandth of
    /// a core, however many hits there are. Quantiles weigh quiet times more than busy ones.
    #[default]
    Paced,
    /// All of them.
    Every,
    /// One in so many, on average: quantiles weigh all hits alike. 1 or more.
    OneIn(u32),
    /// None of them: no hit has a duration.
    Never,
}

impl HitTiming {
    /// Before which hit of a cell nothing is timed.
    pub(super) const fn first(self) -> u64 {
        if matches!(self, Self::Never) { u64::MAX } else { 0 }
    }

    /// How many hits go untimed until the next, where `hits` came in `elapsed`; `random` is any number.
    ///
    /// Jittered, since a fixed number falls into step with periodic keys.
    pub(super) fn untimed(self, hits: u64, elapsed: Duration, random: u64) -> u64 {
        let interval = match self {
            Self::Paced => paced(hits, elapsed),
            Self::Every => 1,
            Self::OneIn(interval) => u64::from(interval.max(1)),
            Self::Never => return u64::MAX,
        };
        random % (2 * interval - 1)
    }

    /// Whether the hit is timed before which there were `hits`, in a cell that several threads share.
    pub(super) const fn times_shared(self, hits: u64) -> bool {
        match self {
            Self::Paced => hits.is_multiple_of(LONGEST_INTERVAL),
            Self::Every => true,
            Self::OneIn(interval) => hits.is_multiple_of(if interval == 0 { 1 } else { interval as u64 }),
            Self::Never => false,
        }
    }
}

/// One hit in how many to time, if `hits` came in `elapsed`.
fn paced(hits: u64, elapsed: Duration) -> u64 {
    let a_hit = elapsed.as_nanos() / u128::from(hits.max(1));
    let interval = PACE.as_nanos() / a_hit.max(1);
    u64::try_from(interval).unwrap_or(u64::MAX).clamp(1, LONGEST_INTERVAL)
}
