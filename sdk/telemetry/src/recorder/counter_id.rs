//! The index of each counter. A recorder, its totals and packed counts all use the same indices.
use cachescope_core::{
    EvictionReason, LoadOutcome, LoadTrigger, Operation, RejectionReason, RequestOutcome, StoreErrorKind, WaitOutcome,
    WaitScope,
};
#[cfg(feature = "serde")]
use cachescope_core::{Failure, MissReason, Tier};

/// A counter: a number that only grows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CounterId {
    /// Hits that were timed.
    TimedHits,
    /// Nanoseconds of load time avoided, minus the time spent on caching. The maximum so far.
    Saved,
    /// Nanoseconds of load time avoided.
    LoadsSaved,
    /// Requests with this outcome.
    Ended(RequestOutcome),
    /// Loads with this trigger and outcome.
    Load(LoadTrigger, LoadOutcome),
    /// Waits with this scope and outcome.
    Wait(WaitScope, WaitOutcome),
    /// Entries that left for this reason.
    Evicted(EvictionReason),
    /// Loaded values that weren't stored for this reason.
    Rejected(RejectionReason),
    /// Failed operations on the shared store.
    StoreError(Operation, StoreErrorKind),
}

const ENDED: usize = 3;
const LOADS: usize = ENDED + RequestOutcome::COUNT;
const WAITS: usize = LOADS + LoadTrigger::ALL.len() * LoadOutcome::ALL.len();
const EVICTED: usize = WAITS + WaitScope::ALL.len() * WaitOutcome::ALL.len();
const REJECTED: usize = EVICTED + EvictionReason::ALL.len();
const STORE_ERRORS: usize = REJECTED + RejectionReason::ALL.len();

impl CounterId {
    /// The number of counters.
    pub(crate) const COUNT: usize = STORE_ERRORS + Operation::ALL.len() * StoreErrorKind::ALL.len();

    pub(crate) const fn index(self) -> usize {
        match self {
            Self::TimedHits => 0,
            Self::Saved => 1,
            Self::LoadsSaved => 2,
            Self::Ended(outcome) => ENDED + outcome.index(),
            Self::Load(trigger, outcome) => LOADS + trigger as usize * LoadOutcome::ALL.len() + outcome as usize,
            Self::Wait(scope, outcome) => WAITS + scope as usize * WaitOutcome::ALL.len() + outcome as usize,
            Self::Evicted(reason) => EVICTED + reason as usize,
            Self::Rejected(reason) => REJECTED + reason as usize,
            Self::StoreError(operation, kind) => {
                STORE_ERRORS + operation as usize * StoreErrorKind::ALL.len() + kind as usize
            }
        }
    }

    /// Returns every counter that can be other than zero.
    #[cfg(any(feature = "serde", test))]
    pub(crate) fn all() -> impl Iterator<Item = Self> {
        let loads = LoadTrigger::ALL.into_iter();
        let loads = loads.flat_map(|trigger| LoadOutcome::ALL.map(|outcome| Self::Load(trigger, outcome)));
        let waits = WaitScope::ALL.into_iter();
        let waits = waits.flat_map(|scope| WaitOutcome::ALL.map(|outcome| Self::Wait(scope, outcome)));
        let errors = Operation::ALL.into_iter();
        let errors = errors.flat_map(|operation| StoreErrorKind::ALL.map(|kind| Self::StoreError(operation, kind)));
        [Self::TimedHits, Self::Saved, Self::LoadsSaved]
            .into_iter()
            .chain(RequestOutcome::all(true).map(Self::Ended))
            .chain(loads)
            .chain(waits)
            .chain(EvictionReason::ALL.map(Self::Evicted))
            .chain(RejectionReason::ALL.map(Self::Rejected))
            .chain(errors)
    }

    /// Returns the name of the counter in stored counts.
    #[cfg(feature = "serde")]
    pub(crate) fn name(self) -> String {
        match self {
            Self::TimedHits => "timed_hits".to_owned(),
            Self::Saved => "saved_nanos".to_owned(),
            Self::LoadsSaved => "loads_saved_nanos".to_owned(),
            Self::Ended(RequestOutcome { result, reason, failure, tier }) => {
                let tier = Some(tier).filter(|tier| *tier != Tier::L1).map(Tier::as_str);
                let more = [reason.map(MissReason::as_str), tier, failure.map(Failure::as_str)];
                let parts = [Some("requests"), Some(result.as_str())].into_iter().chain(more).flatten();
                parts.collect::<Vec<_>>().join(".")
            }
            Self::Load(trigger, outcome) => format!("loads.{}.{}", trigger.as_str(), outcome.as_str()),
            Self::Wait(WaitScope::Process, outcome) => format!("waits.{}", outcome.as_str()),
            Self::Wait(scope, outcome) => format!("waits.{}.{}", scope.as_str(), outcome.as_str()),
            Self::Evicted(reason) => format!("evictions.{}", reason.as_str()),
            Self::Rejected(reason) => format!("rejections.{}", reason.as_str()),
            Self::StoreError(operation, kind) => format!("store_errors.{}.{}", operation.as_str(), kind.as_str()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::duration_series::DurationSeries;
    use super::*;

    fn assert_dense(indices: impl IntoIterator<Item = usize>, count: usize, gaps: usize) {
        let mut indices: Vec<usize> = indices.into_iter().collect();
        let all = indices.len();
        indices.sort_unstable();
        indices.dedup();
        assert_eq!((indices.len(), indices.last()), (all, Some(&(count - 1))));
        assert_eq!(count - all, gaps);
    }

    #[test]
    fn each_counter_and_series_has_its_own_index() {
        // A hit of the shared store is never a cached error.
        assert_dense(CounterId::all().map(CounterId::index), CounterId::COUNT, 1);
        assert_dense(DurationSeries::all().map(DurationSeries::index), DurationSeries::COUNT, 0);
    }
}
