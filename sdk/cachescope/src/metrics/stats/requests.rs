//! The numbers of requests: results, hit rates and latencies.

use cachescope_core::{Failure, MissReason, RequestOutcome, RequestResult, StaleEvent};
use cachescope_telemetry::Durations;

use crate::metrics::Stats;

impl Stats {
    /// Returns the number of requests: those that ended in the period, and those in flight. Always equals the sum of
    /// all results and [`Stats::in_flight`].
    #[must_use]
    pub fn requests(&self) -> u64 {
        self.counts.requests()
    }

    /// Returns the number of requests in flight. Under load it may include requests that started or ended within the
    /// microsecond in which the numbers are read, and that no result includes yet.
    #[must_use]
    pub fn in_flight(&self) -> u64 {
        self.counts.active
    }

    /// Returns the requests with this result.
    #[must_use]
    pub fn result(&self, result: RequestResult) -> u64 {
        self.counts.totals.result(result)
    }

    /// Returns the requests with exactly this outcome.
    #[must_use]
    pub fn ended(&self, outcome: RequestOutcome) -> u64 {
        self.counts.totals.ended(outcome)
    }

    /// Returns the requests answered by a fresh entry or a cached error.
    #[must_use]
    pub fn hits(&self) -> u64 {
        self.result(RequestResult::Hit)
    }

    /// Returns the requests that ran a load because there was no fresh entry.
    #[must_use]
    pub fn misses(&self) -> u64 {
        self.result(RequestResult::Miss)
    }

    /// Returns the misses with this reason.
    #[must_use]
    pub fn misses_because(&self, reason: MissReason) -> u64 {
        RequestOutcome::all(true)
            .filter(|outcome| outcome.reason == Some(reason))
            .map(|outcome| self.ended(outcome))
            .sum()
    }

    /// Returns the requests answered by another request's load.
    #[doc(alias = "single_flight")]
    #[doc(alias = "deduplicated")]
    #[must_use]
    pub fn coalesced(&self) -> u64 {
        self.result(RequestResult::Coalesced)
    }

    /// Returns the requests whose future was dropped before there was an answer.
    #[must_use]
    pub fn cancelled(&self) -> u64 {
        self.result(RequestResult::Cancelled)
    }

    /// Returns the hit rate: hits and stale answers, divided by all requests that the cache could have answered (hits,
    /// stale, misses, coalesced and absent). `None` without such requests.
    ///
    /// A coalesced request isn't a hit, since the store had no entry for it. A request answered by a cached error is a
    /// hit. Requests that were cancelled or bypassed the cache don't count at all.
    ///
    /// For [`Stats::fresh_hit_rate`] a stale answer isn't a hit.
    #[doc(alias = "hit_ratio")]
    #[doc(alias = "miss_rate")]
    #[doc(alias = "miss_ratio")]
    #[must_use]
    pub fn hit_rate(&self) -> Option<f64> {
        self.share(self.hits() + self.result(RequestResult::Stale))
    }

    /// Returns the share of requests that were answered with a fresh value: like [`Stats::hit_rate`], but a stale
    /// answer isn't a hit.
    #[must_use]
    pub fn fresh_hit_rate(&self) -> Option<f64> {
        self.share(self.hits())
    }

    /// Divides by the requests that the cache could have answered.
    fn share(&self, answered: u64) -> Option<f64> {
        let could = [
            RequestResult::Hit,
            RequestResult::Stale,
            RequestResult::Miss,
            RequestResult::Coalesced,
            RequestResult::Absent,
        ];
        let all: u64 = could.into_iter().map(|result| self.result(result)).sum();
        (all > 0).then(|| answered as f64 / all as f64)
    }

    /// Returns the requests whose load failed in this way, or that waited for such a load. Includes requests that were
    /// then answered by an entry or by a cached error. The kinds of errors that a function returns aren't
    /// distinguished.
    #[must_use]
    pub fn failures(&self, failure: Failure) -> u64 {
        RequestOutcome::all(true)
            .filter(|outcome| outcome.failure == Some(failure))
            .map(|outcome| self.ended(outcome))
            .sum()
    }

    /// Returns the latencies of requests with this result.
    ///
    /// Only one hit in [`Stats::hit_timing_interval`] is timed. So the count of hits here isn't [`Stats::hits`], and
    /// quantiles weigh quiet times more than busy ones.
    #[must_use]
    pub fn latency(&self, result: RequestResult) -> &Durations {
        self.counts.request_durations(result)
    }

    /// Returns the mean number of hits per timed hit, set by [`Builder::hit_timing`](crate::Builder::hit_timing). 0 if
    /// no hit was timed.
    #[must_use]
    pub fn hit_timing_interval(&self) -> f64 {
        self.counts.totals.hit_timing_interval()
    }

    /// Returns the time since expiry of entries that were served stale, or that a load replaced.
    #[doc(alias = "stale-while-revalidate")]
    #[must_use]
    pub fn stale_age(&self, event: StaleEvent) -> &Durations {
        self.counts.stale_ages(event)
    }
}
