//! The numbers of a cache, for people and for programs.

mod display;
pub(crate) mod format;
mod history;
#[cfg(feature = "persist")]
mod persistence;
mod rates;
pub(crate) mod sink;
mod snapshot;
mod state;
mod stats;
mod window;

use std::time::{Duration, SystemTime};

use cachescope_core::StoreUsage;
use cachescope_telemetry::CacheSource;

use self::history::PeriodCounts;
pub(crate) use self::history::SLICE;
#[cfg(feature = "persist")]
pub use self::persistence::{MetricsFile, MetricsStore, Persistence};
pub use self::rates::Rates;
pub use self::sink::{MetricsSink, SinkGuard, send_metrics_to};
pub use self::snapshot::Snapshot;
pub(crate) use self::state::MetricsState;
pub use self::stats::Stats;
pub use self::window::Window;
pub use crate::process::registry::{Caches, LiveCache};
pub use cachescope_core::{
    Event, EvictionReason, Failure, Labels, LoadOutcome, LoadTrigger, MissReason, Observer, Operation, RejectionReason,
    RequestOutcome, RequestResult, StaleEvent, StoreErrorKind, Tier, WaitOutcome, WaitScope,
};
pub use cachescope_telemetry::{CAPACITY_MULTIPLES, Durations, Histogram, HitTiming, Quantity, Sizes, names};

/// The numbers of a cache. Returned by [`Cached::metrics`](crate::Cached::metrics).
pub struct CacheMetrics<'a> {
    pub(crate) metrics_state: &'a MetricsState,
    pub(crate) source: &'a dyn CacheSource,
}

impl CacheMetrics<'_> {
    /// Returns the numbers since the cache was built or last [reset](CacheMetrics::reset). Takes some microseconds,
    /// plus the time of the store's pending work.
    ///
    /// The counts are exact if no request is in flight. Otherwise, an ended request is always also counted as a
    /// request.
    #[must_use]
    pub fn stats(&self) -> Stats {
        // The store comes first: its pending work counts evictions.
        let usage = self.source.usage();
        self.stats_of(self.metrics_state.total(), usage)
    }

    /// Returns [`CacheMetrics::stats`] with the name of the cache.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        Snapshot::new(self.metrics_state.recorder.identity(), self.stats())
    }

    /// Returns [`CacheMetrics::snapshot`] without the counts of earlier processes.
    #[cfg(feature = "fleet")]
    pub(crate) fn process_snapshot(&self) -> Snapshot {
        let usage = self.source.usage();
        Snapshot::new(self.metrics_state.recorder.identity(), self.stats_of(self.metrics_state.this_process(), usage))
    }

    /// Returns the numbers of the last minute, hour, day, or another [`Window`]. Takes as long as
    /// [`CacheMetrics::stats`], plus the time to add up the slices of the window.
    ///
    /// A window begins at the end of a slice. The last two minutes have 12 slices per minute, the last hour has one per
    /// minute, and the last day has four per hour. So a window is usually somewhat longer than requested; it is shorter
    /// if the cache is younger. [`Stats::covers`] returns its length.
    ///
    /// Requests are counted when they end, not when they start. Requests in flight and the usage of the store are the
    /// present ones.
    ///
    /// ```
    /// use cachescope::{Window, cached};
    ///
    /// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
    /// let squares = cached("math.squares", |n: u64| async move { n * n }).build();
    /// squares.call(12).await;
    /// assert_eq!(squares.metrics().window(Window::Minute).requests(), 1);
    /// # });
    /// ```
    #[must_use]
    pub fn window(&self, window: impl Into<Window>) -> Stats {
        let usage = self.source.usage();
        self.stats_of(self.metrics_state.window(window.into()), usage)
    }

    /// Returns the counts of earlier processes that `Builder::persist_metrics` restored. [`CacheMetrics::stats`]
    /// includes them.
    ///
    /// `None` if nothing was restored, and after a reset. OpenTelemetry's counters start at zero in each process, as
    /// its specification requires.
    #[must_use]
    pub fn restored(&self) -> Option<Stats> {
        let read_at = self.read_at();
        self.metrics_state.restored().map(|reading| Stats::new(reading, StoreUsage::default(), Duration::ZERO, read_at))
    }

    /// Resets these numbers, including windows and restored counts. [`Stats::epoch`] increases by one, and
    /// [`Stats::began_at`] is the time of the reset.
    ///
    /// Requests in flight are counted after the reset, when they end. OpenTelemetry's counters aren't reset: they never
    /// decrease.
    ///
    /// ```
    /// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
    /// let squares = cachescope::cached("math.squares", |n: u64| async move { n * n }).build();
    /// squares.call(12).await;
    /// squares.metrics().reset();
    /// let stats = squares.metrics().stats();
    /// assert_eq!((stats.requests(), stats.epoch()), (0, 1));
    /// # });
    /// ```
    pub fn reset(&self) {
        // The store's pending work counts evictions that belong to the time before.
        self.source.usage();
        self.metrics_state.reset();
    }

    /// Saves the numbers now, to where [`Builder::persist_metrics`](crate::Builder::persist_metrics) keeps them,
    /// instead of at the next interval. Use it before the process exits. Does nothing without persistence. Blocks while
    /// a small file is written and synced.
    ///
    /// # Errors
    ///
    /// Returns an error if saving fails, or if another cache uses the same file or store.
    #[cfg(feature = "persist")]
    pub fn save(&self) -> std::io::Result<()> {
        self.metrics_state.save()
    }

    fn stats_of(&self, reading: PeriodCounts, usage: StoreUsage) -> Stats {
        Stats::new(reading, usage, self.source.longest_wait(), self.read_at())
    }

    fn read_at(&self) -> SystemTime {
        self.metrics_state.clock.wall_time(self.metrics_state.clock.now())
    }
}

impl std::fmt::Debug for CacheMetrics<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CacheMetrics").field("identity", self.metrics_state.recorder.identity()).finish_non_exhaustive()
    }
}
