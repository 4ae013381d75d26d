//! The numbers of a cache, in total or in a window.

mod loads;
mod requests;
mod stores;

use std::time::{Duration, SystemTime};

use cachescope_core::StoreUsage;
use cachescope_telemetry::Counts;

use crate::metrics::Rates;
use crate::metrics::history::PeriodCounts;

/// The numbers of a cache, in total or in a window. A plain value. It displays as a table.
///
/// ```
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// let squares = cachescope::cached("math.squares", |n: u64| async move { n * n }).build();
/// squares.call(12).await;
/// println!("{}", squares.metrics().stats()); // 1 requests in 27.1 µs, hit rate 0.0 % …
/// # });
/// ```
///
/// The feature `serde` makes it serialisable. Counters are serialised by name, and durations in nanoseconds; a round
/// trip is exact.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Deserialize, serde::Serialize))]
pub struct Stats {
    counts: Counts,
    usage: StoreUsage,
    longest_wait: Duration,
    covers: Duration,
    read_at: SystemTime,
    epoch: u64,
    restored: u64,
}

impl Stats {
    pub(crate) fn new(reading: PeriodCounts, usage: StoreUsage, longest_wait: Duration, read_at: SystemTime) -> Self {
        let PeriodCounts { counts, covers, restored, epoch } = reading;
        Self { counts, usage, longest_wait, covers, read_at, epoch, restored }
    }

    /// Returns the length of the period that these numbers cover. It begins when the cache was built or last reset, or
    /// where the window begins.
    ///
    /// A window that covers less than requested is as old as its cache. With `Builder::persist_metrics`, the time
    /// between two processes is included.
    #[must_use]
    pub fn covers(&self) -> Duration {
        self.covers
    }

    /// Returns when the numbers were read, by the system clock.
    #[must_use]
    pub fn read_at(&self) -> SystemTime {
        self.read_at
    }

    /// Returns the beginning of the period, by the system clock.
    #[must_use]
    pub fn began_at(&self) -> SystemTime {
        self.read_at.checked_sub(self.covers).unwrap_or(SystemTime::UNIX_EPOCH)
    }

    /// Returns the number of [resets](crate::metrics::CacheMetrics::reset) before this period.
    #[must_use]
    pub fn epoch(&self) -> u64 {
        self.epoch
    }

    /// Returns the requests that earlier processes counted, restored by `Builder::persist_metrics`.
    #[must_use]
    pub fn restored(&self) -> u64 {
        self.restored
    }

    /// Returns the rates per second, over the period that these numbers [cover](Stats::covers).
    #[must_use]
    pub fn per_second(&self) -> Rates {
        Rates::new(self)
    }

    /// Merges the numbers of two caches, or of two instances of one cache. Counts, sums and maxima are exact. Quantiles
    /// are those of one histogram that recorded everything.
    ///
    /// The period covered is the longer of both.
    #[must_use]
    pub fn merge(&self, other: &Self) -> Self {
        Self {
            counts: self.counts.plus(&other.counts),
            usage: self.usage.plus(other.usage),
            longest_wait: self.longest_wait.max(other.longest_wait),
            covers: self.covers.max(other.covers),
            read_at: self.read_at.max(other.read_at),
            epoch: self.epoch.max(other.epoch),
            restored: self.restored.saturating_add(other.restored),
        }
    }

    /// Returns what was counted since `earlier`, an earlier reading of the same numbers. After a reset in between,
    /// returns all counts. The usage of the store and the requests in flight are those of this reading.
    ///
    /// Counts and sums are exact. The maximum of a histogram is exact if no earlier value was larger; otherwise it is
    /// accurate to 6.25%, like quantiles.
    ///
    /// ```
    /// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
    /// let squares = cachescope::cached("math.squares", |n: u64| async move { n * n }).build();
    /// squares.call(12).await;
    /// let before = squares.metrics().stats();
    /// squares.call(12).await;
    /// let since = squares.metrics().stats().since(&before);
    /// assert_eq!((since.hits(), since.misses()), (1, 0));
    /// # });
    /// ```
    #[must_use]
    pub fn since(&self, earlier: &Self) -> Self {
        if self.epoch != earlier.epoch {
            return self.clone();
        }
        Self {
            counts: self.counts.minus(&earlier.counts),
            covers: self.read_at.duration_since(earlier.read_at).unwrap_or_default(),
            restored: self.restored.saturating_sub(earlier.restored),
            ..self.clone()
        }
    }

    /// Returns the net time saved: [`Stats::load_time_saved`] minus [`Stats::caching_time`]. Returns zero if the cache
    /// costs more than it saves; compare the two to see by how much.
    #[must_use]
    pub fn time_saved(&self) -> Duration {
        self.load_time_saved().saturating_sub(self.caching_time())
    }

    /// Returns the load time that hits avoided: for each request that an entry answered, the duration of that entry's
    /// load. An inserted entry counts with the mean duration of loads.
    #[must_use]
    pub fn load_time_saved(&self) -> Duration {
        self.counts.totals.loads_saved()
    }

    /// Returns the time spent on caching: lookups and stores in memory, and all operations on the shared store. Lookups
    /// that weren't timed count with the mean of the timed ones.
    #[must_use]
    pub fn caching_time(&self) -> Duration {
        self.counts.caching_time()
    }

    /// Returns the usage of the store.
    #[must_use]
    pub fn usage(&self) -> StoreUsage {
        self.usage
    }
}
