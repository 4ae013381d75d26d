//! The choice of the hits that are timed. All hits are counted.

use std::time::Duration;

/// The mean time between two timed hits of a cache on one thread. If hits are rarer, all are timed.
///
/// A timed hit costs two clock reads and two records in OpenTelemetry's histograms: about 4,200 instructions, or a
/// microsecond. At this pace that is a thousandth of a core.
const TIMED_HIT_PERIOD: Duration = Duration::from_millis(1);

/// The maximum average number of hits for each timed hit. When a burst of hits is over, the next hit is timed after at
/// most twice as many.
pub(super) const LONGEST_INTERVAL: u64 = 512;

/// The choice of the hits that are timed. Counts don't depend on it. The actual interval is exported as
/// `cachescope.hit.timing.interval`.
///
/// A timed hit costs about a microsecond when an SDK is set up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum HitTiming {
    /// Times about one hit per millisecond and thread, all hits if they are rarer, and at least one in 512. That takes
    /// a thousandth of a core at any rate of hits. In quantiles, quiet times have more weight than busy ones.
    #[default]
    Paced,
    /// Times all hits.
    Every,
    /// Times one in this many hits, at least 1, on average. In quantiles, all hits have the same weight.
    OneIn(u32),
    /// Times no hits. Hits then have no durations.
    Never,
}

impl HitTiming {
    /// Returns the first hit of a cell that may be timed.
    pub(super) const fn first(self) -> u64 {
        if matches!(self, Self::Never) { u64::MAX } else { 0 }
    }

    /// Returns the number of untimed hits before the next timed one, after `hits` hits in `elapsed`. `random` is any
    /// number.
    ///
    /// The number is jittered, because a fixed number falls into step with periodic keys.
    pub(super) fn untimed(self, hits: u64, elapsed: Duration, random: u64) -> u64 {
        let interval = match self {
            Self::Paced => paced(hits, elapsed),
            Self::Every => 1,
            Self::OneIn(interval) => u64::from(interval.max(1)),
            Self::Never => return u64::MAX,
        };
        random % (2 * interval - 1)
    }

    /// Returns whether the hit after `hits` others is timed, in a cell that several threads share.
    pub(super) const fn times_shared(self, hits: u64) -> bool {
        match self {
            Self::Paced => hits.is_multiple_of(LONGEST_INTERVAL),
            Self::Every => true,
            Self::OneIn(interval) => hits.is_multiple_of(if interval == 0 { 1 } else { interval as u64 }),
            Self::Never => false,
        }
    }
}

/// Returns the interval between timed hits after `hits` hits in `elapsed`.
fn paced(hits: u64, elapsed: Duration) -> u64 {
    let per_hit = elapsed.as_nanos() / u128::from(hits.max(1));
    let interval = TIMED_HIT_PERIOD.as_nanos() / per_hit.max(1);
    u64::try_from(interval).unwrap_or(u64::MAX).clamp(1, LONGEST_INTERVAL)
}
