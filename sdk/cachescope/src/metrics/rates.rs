//! Rates per second.

use cachescope_core::{LoadOutcome, RequestResult};

use crate::metrics::Stats;

/// The rates of events per second. Returned by [`Stats::per_second`].
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Rates {
    /// Requests that ended, and requests in flight.
    pub requests: f64,
    /// Requests answered by a fresh entry.
    pub hits: f64,
    /// Requests answered by an expired entry.
    pub stale: f64,
    /// Requests that ran a load because there was no fresh entry.
    pub misses: f64,
    /// Requests answered by another request's load.
    pub coalesced: f64,
    /// Loads by misses that returned a value.
    pub loads: f64,
}

impl Rates {
    pub(super) fn new(stats: &Stats) -> Self {
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
