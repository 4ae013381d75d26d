//! What a cache has counted, for people and programs.

mod history;
mod ledger;
#[cfg(feature = "persist")]
mod persistence;
mod rates;
mod snapshot;
mod stats;
mod table;
mod window;

use std::time::{Duration, SystemTime};

use cachescope_core::{Levels, Source};

use self::history::Reading;
pub(crate) use self::history::SLICE;
pub(crate) use self::ledger::Ledger;
#[cfg(feature = "persist")]
pub use self::persistence::{MetricsFile, MetricsStore, Persistence};
pub use self::rates::Rates;
pub use self::snapshot::Snapshot;
pub use self::stats::Stats;
pub use self::window::Window;

/// What a cache has counted. Made by [`Cached::metrics`](crate::Cached::metrics).
pub struct CacheMetrics<'a> {
    pub(crate) ledger: &'a Ledger,
    pub(crate) source: &'a dyn Source,
}

impl CacheMetrics<'_> {
    /// Everything since the cache was built, or last [reset](CacheMetrics::reset). Takes some microseconds, and the
    /// store's pending work.
    ///
    /// Counts are exact whenever no request is in flight; while some are, none is counted as ended that isn't counted
    /// as a request.
    #[must_use]
    pub fn stats(&self) -> Stats {
        // The store first: settling it counts evictions that were pending.
        let levels = self.source.levels();
        self.told(self.ledger.total(), levels)
    }

    /// [`CacheMetrics::stats`], with the name of the cache.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        Snapshot::of(self.ledger.recorder.identity(), self.stats())
    }

    /// [`CacheMetrics::snapshot`], without what earlier processes counted.
    #[cfg(feature = "fleet")]
    pub(crate) fn own_snapshot(&self) -> Snapshot {
        let levels = self.source.levels();
        Snapshot::of(self.ledger.recorder.identity(), self.told(self.ledger.own(), levels))
    }

    /// Everything within the last minute, hour or day, or the last so long. Costs what [`CacheMetrics::stats`] does, and
    /// the adding up of as many slices as it covers.
    ///
    /// It reaches back to the end of a slice of time, of which the last two minutes have 12 a minute, the last hour one
    /// a minute and the last day four an hour: somewhat farther than asked, or less far where the cache is younger.
    /// [`Stats::covers`] says how far. What is under way, and how full the store is, are those of now; a request is of
    /// the time it ends in.
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
        let levels = self.source.levels();
        self.told(self.ledger.window(window.into()), levels)
    }

    /// What earlier processes counted, of whom `Builder::persist_metrics` kept it: those numbers are part of
    /// [`CacheMetrics::stats`] already. `None` where there was nothing, and after a reset. OpenTelemetry's counters
    /// begin at zero with each process, as its specification has it.
    #[must_use]
    pub fn restored(&self) -> Option<Stats> {
        let read_at = self.read_at();
        self.ledger.restored().map(|reading| Stats::new(reading, Levels::default(), Duration::ZERO, read_at))
    }

    /// Has these numbers begin anew, windows and what was kept of earlier processes as well; [`Stats::epoch`] then says
    /// one more, and [`Stats::began_at`] when. Requests under way are of the time they end in. OpenTelemetry's counters go
    /// on: they never fall.
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
        // Settling the store counts what was evicted before.
        self.source.levels();
        self.ledger.reset();
    }

    /// Saves them now, where [`Builder::persist_metrics`](crate::Builder::persist_metrics) says, and not at the next
    /// interval: for a process that is about to exit, say. Without it, does nothing. Blocks for the time of a small file's write and sync.
    ///
    /// # Errors
    /// If they can't be saved, or another cache has the place.
    #[cfg(feature = "persist")]
    pub fn save(&self) -> std::io::Result<()> {
        self.ledger.save()
    }

    fn told(&self, reading: Reading, levels: Levels) -> Stats {
        Stats::new(reading, levels, self.source.longest_wait(), self.read_at())
    }

    fn read_at(&self) -> SystemTime {
        self.ledger.clock.wall(self.ledger.clock.now())
    }
}

impl std::fmt::Debug for CacheMetrics<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CacheMetrics").field("identity", self.ledger.recorder.identity()).finish_non_exhaustive()
    }
}
