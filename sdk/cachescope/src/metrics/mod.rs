//! What a cache has counted, for people and programs.

mod stats;

use cachescope_core::{Recorder, Source};

pub use self::stats::Stats;

/// What a cache has counted. Made by [`Cached::metrics`](crate::Cached::metrics).
pub struct CacheMetrics<'a> {
    recorder: &'a Recorder,
    source: &'a dyn Source,
}

impl<'a> CacheMetrics<'a> {
    pub(crate) fn new(recorder: &'a Recorder, source: &'a dyn Source) -> Self {
        Self { recorder, source }
    }

    /// Everything since the cache was built. Takes some microseconds, and the store's pending work.
    ///
    /// Counts are exact whenever no request is in flight; while some are, requests started are never fewer
    /// than those ended.
    #[must_use]
    pub fn stats(&self) -> Stats {
        // The store first: settling it counts evictions that were pending.
        let levels = self.source.levels();
        Stats::new(self.recorder.counts(), levels, self.source.longest_wait())
    }
}

impl std::fmt::Debug for CacheMetrics<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CacheMetrics").field("identity", self.recorder.identity()).finish_non_exhaustive()
    }
}
