//! Numbers by time.

use cachescope_core::{LoadOutcome, RequestResult};

use crate::metrics::Stats;

/// How often things happened, a second. Made by [`Stats::per_second`].
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Rates {
    /// Requests ended, and those under way.
    pub requests: f64,
    /// Requests answered with a fresh entry.
    pub hits: f64,
    /// Requests answered with an entry past its time.
    pub stale: f64,
    /// Requests that ran a load because nothing fresh was there.
    pub misses: f64,
    /// Requests answered by another request's load.
    pub coalesced: f64,
    /// Loads that returned a value, by misses.
    pub loads: f64,
}

impl Rates {
    pub(super) fn of(stats: &Stats) -> Self {
        let seconds = stats.covers().as_secs_f64();
        let rate = |count: u64| if seconds > 0.0 { count as f64 / seconds } else { 0.0 };
        Self {
            requests: rate(stats.requests()),
            hits: rate(stats.hits()),
            stale: rate(stats.result(RequestResult::Stale)),
            misses: rate(stats.misses()),
            coalesced: rate(stats.coalesced()),
            loads: rate(stats.loads(LoadOutcome::Loaded)),
        }
    }
}
