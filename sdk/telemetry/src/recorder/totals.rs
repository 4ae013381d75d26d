//! The counters of a recorder at one moment.

use std::time::Duration;

use cachescope_core::{
    EvictionReason, Operation, RejectionReason, RequestOutcome, RequestResult, StoreErrorKind, Tier,
};

use super::counter_id::CounterId;

/// All counters of a recorder at one moment. Plain values, which can be added over caches and subtracted over time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Totals(pub(super) [u64; CounterId::COUNT]);

impl Default for Totals {
    fn default() -> Self {
        Self([0; CounterId::COUNT])
    }
}

impl Totals {
    pub(super) fn get(&self, number: CounterId) -> u64 {
        self.0[number.index()]
    }

    /// Returns the number of requests with this outcome.
    #[must_use]
    pub fn ended(&self, outcome: RequestOutcome) -> u64 {
        self.get(CounterId::Ended(outcome))
    }

    /// Returns the number of requests with this result.
    #[must_use]
    pub fn result(&self, result: RequestResult) -> u64 {
        RequestOutcome::all(true).filter(|outcome| outcome.result == result).map(|outcome| self.ended(outcome)).sum()
    }

    /// Returns the number of requests with this result that an entry of this tier answered. Cached errors aren't
    /// counted.
    #[must_use]
    pub fn answered(&self, result: RequestResult, tier: Tier) -> u64 {
        self.ended(RequestOutcome { tier, ..RequestOutcome::new(result) })
    }

    /// Returns the number of requests that ended.
    pub(super) fn all_ended(&self) -> u64 {
        RequestOutcome::all(true).fold(0, |all, outcome| all.saturating_add(self.ended(outcome)))
    }

    /// Returns the number of entries that left for this reason.
    #[must_use]
    pub fn evicted(&self, reason: EvictionReason) -> u64 {
        self.get(CounterId::Evicted(reason))
    }

    /// Returns the number of loaded values that weren't stored for this reason.
    #[must_use]
    pub fn rejected(&self, reason: RejectionReason) -> u64 {
        self.get(CounterId::Rejected(reason))
    }

    /// Returns the number of failed operations on the shared store.
    #[must_use]
    pub fn store_errors(&self, operation: Operation, kind: StoreErrorKind) -> u64 {
        self.get(CounterId::StoreError(operation, kind))
    }

    /// Returns the average number of hits for each timed hit, or 0 if no hit was timed.
    #[must_use]
    pub fn hit_timing_interval(&self) -> f64 {
        let (hits, timed) = (self.result(RequestResult::Hit), self.get(CounterId::TimedHits));
        if timed == 0 { 0.0 } else { hits as f64 / timed as f64 }
    }

    /// Returns the load time avoided, minus the time spent on caching. A counter can't fall, so this is the maximum so
    /// far.
    #[must_use]
    pub fn saved(&self) -> Duration {
        Duration::from_nanos(self.get(CounterId::Saved))
    }

    /// Returns the load time avoided, without the time spent on caching.
    #[must_use]
    pub fn loads_saved(&self) -> Duration {
        Duration::from_nanos(self.get(CounterId::LoadsSaved))
    }

    /// Returns the sum of both.
    #[must_use]
    pub fn plus(&self, other: &Self) -> Self {
        // Saturating, because counts received from another process may be any number.
        Self(std::array::from_fn(|index| self.0[index].saturating_add(other.0[index])))
    }

    pub(super) fn since(&self, earlier: &Self) -> Self {
        // A concurrent reading may see only one of two numbers that change together, so a difference is never negative.
        Self(std::array::from_fn(|index| self.0[index].saturating_sub(earlier.0[index])))
    }
}
