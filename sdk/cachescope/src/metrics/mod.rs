//! What a cache has counted, for people and programs.

mod history;
mod rates;
mod stats;
mod table;
mod window;

use std::sync::{Mutex, PoisonError};

use cachescope_core::{Clock, Recorder, Source};

pub(crate) use self::history::{History, SLICE};
pub use self::rates::Rates;
pub use self::stats::Stats;
pub use self::window::Window;

/// What a cache has counted. Made by [`Cached::metrics`](crate::Cached::metrics).
pub struct CacheMetrics<'a> {
    pub(crate) recorder: &'a Recorder,
    pub(crate) source: &'a dyn Source,
    pub(crate) clock: &'a Clock,
    pub(crate) history: &'a Mutex<History>,
}

impl CacheMetrics<'_> {
    /// Everything since the cache was built. Takes some microseconds, and the store's pending work.
    ///
    /// Counts are exact whenever no request is in flight; while some are, requests started are never fewer
    /// than those ended.
    #[must_use]
    pub fn stats(&self) -> Stats {
        // The store first: settling it counts evictions that were pending.
        let levels = self.source.levels();
        let began = self.history.lock().unwrap_or_else(PoisonError::into_inner).began();
        let covers = self.clock.now().since(began);
        Stats::new(self.recorder.counts(), levels, self.source.longest_wait(), covers)
    }

    /// Everything within the last minute, hour or day, or the last so long. Costs what [`CacheMetrics::stats`] does, and
    /// the adding up of as many slices as it covers.
    ///
    /// It reaches back to the end of a slice of time, of which the last two minutes have 12 a minute, the last hour one
    /// a minute and the last day four an hour: somewhat farther than asked, or less far where the cache is younger.
    /// [`Stats::covers`] says how far. What is under way, and how full the store is, are those of now; what was under
    /// way at its beginning ends in it, though it was begun before.
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
        let mut history = self.history.lock().unwrap_or_else(PoisonError::into_inner);
        let (counts, covers) = history.window(window.into(), self.clock.now(), self.recorder);
        drop(history);
        Stats::new(counts, levels, self.source.longest_wait(), covers)
    }
}

impl std::fmt::Debug for CacheMetrics<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CacheMetrics").field("identity", self.recorder.identity()).finish_non_exhaustive()
    }
}
