//! What is counted, each by an index: a recorder, what it had counted, and what is kept of that go by the same.

use crate::eviction::EvictionReason;
use crate::outcome::{
    Ending, LoadOutcome, LoadTrigger, Operation, RejectionReason, RequestResult, StaleEvent, StoreErrorKind, Tier,
    WaitOutcome, WaitScope,
};
#[cfg(feature = "serde")]
use crate::outcome::{Failure, MissReason};

/// A number that only grows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Number {
    /// Hits whose duration was taken.
    TimedHits,
    /// Nanoseconds that entries saved, less what caching took: the most that has been.
    Saved,
    /// Nanoseconds of loads that were not needed, as an entry answered.
    LoadsSaved,
    /// Requests that ended so.
    Ended(Ending),
    /// Loads of this trigger that ended so.
    Load(LoadTrigger, LoadOutcome),
    /// Waits for these that ended so.
    Wait(WaitScope, WaitOutcome),
    /// Entries that left for this reason.
    Evicted(EvictionReason),
    /// Loaded values that weren't stored for this reason.
    Rejected(RejectionReason),
    /// Operations on the shared store that failed so.
    StoreError(Operation, StoreErrorKind),
}

const ENDED: usize = 3;
const LOADS: usize = ENDED + Ending::COUNT;
const WAITS: usize = LOADS + LoadTrigger::ALL.len() * LoadOutcome::ALL.len();
const EVICTED: usize = WAITS + WaitScope::ALL.len() * WaitOutcome::ALL.len();
const REJECTED: usize = EVICTED + EvictionReason::ALL.len();
const STORE_ERRORS: usize = REJECTED + RejectionReason::ALL.len();

impl Number {
    /// How many there are.
    pub(crate) const COUNT: usize = STORE_ERRORS + Operation::ALL.len() * StoreErrorKind::ALL.len();

    pub(crate) const fn index(self) -> usize {
        match self {
            Self::TimedHits => 0,
            Self::Saved => 1,
            Self::LoadsSaved => 2,
            Self::Ended(ending) => ENDED + ending.index(),
            Self::Load(trigger, outcome) => LOADS + trigger as usize * LoadOutcome::ALL.len() + outcome as usize,
            Self::Wait(scope, outcome) => WAITS + scope as usize * WaitOutcome::ALL.len() + outcome as usize,
            Self::Evicted(reason) => EVICTED + reason as usize,
            Self::Rejected(reason) => REJECTED + reason as usize,
            Self::StoreError(operation, kind) => {
                STORE_ERRORS + operation as usize * StoreErrorKind::ALL.len() + kind as usize
            }
        }
    }

    /// Every number that can be other than zero.
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
            .chain(Ending::all(true).map(Self::Ended))
            .chain(loads)
            .chain(waits)
            .chain(EvictionReason::ALL.map(Self::Evicted))
            .chain(RejectionReason::ALL.map(Self::Rejected))
            .chain(errors)
    }

    /// What it is called where it is stored.
    #[cfg(feature = "serde")]
    pub(crate) fn name(self) -> String {
        match self {
            Self::TimedHits => "timed_hits".to_owned(),
            Self::Saved => "saved_nanos".to_owned(),
            Self::LoadsSaved => "loads_saved_nanos".to_owned(),
            Self::Ended(Ending { result, reason, failure, tier }) => {
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

/// A distribution of durations.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Series {
    /// Of requests with this result; of hits, the timed ones.
    Request(RequestResult),
    /// Of loads of this trigger.
    Load(LoadTrigger),
    /// Of waits for these that ended so.
    Wait(WaitScope, WaitOutcome),
    /// Of this operation on this store.
    Operation(Tier, Operation),
    /// How far entries were past their time when this became of them.
    StaleAge(StaleEvent),
}

const LOAD_TIMES: usize = RequestResult::ALL.len();
const WAIT_TIMES: usize = LOAD_TIMES + LoadTrigger::ALL.len();
const OPERATION_TIMES: usize = WAIT_TIMES + WaitScope::ALL.len() * WaitOutcome::ALL.len();
const STALE_AGES: usize = OPERATION_TIMES + Tier::ALL.len() * Operation::ALL.len();

impl Series {
    /// How many there are.
    pub(crate) const COUNT: usize = STALE_AGES + StaleEvent::ALL.len();

    pub(crate) const fn index(self) -> usize {
        match self {
            Self::Request(result) => result as usize,
            Self::Load(trigger) => LOAD_TIMES + trigger as usize,
            Self::Wait(scope, outcome) => WAIT_TIMES + scope as usize * WaitOutcome::ALL.len() + outcome as usize,
            Self::Operation(tier, operation) => {
                OPERATION_TIMES + tier as usize * Operation::ALL.len() + operation as usize
            }
            Self::StaleAge(event) => STALE_AGES + event as usize,
        }
    }

    #[cfg(any(feature = "serde", test))]
    pub(crate) fn all() -> impl Iterator<Item = Self> {
        let waits = WaitScope::ALL.into_iter();
        let waits = waits.flat_map(|scope| WaitOutcome::ALL.map(|outcome| Self::Wait(scope, outcome)));
        let operations = Tier::ALL.into_iter();
        let operations = operations.flat_map(|tier| Operation::ALL.map(|operation| Self::Operation(tier, operation)));
        RequestResult::ALL
            .map(Self::Request)
            .into_iter()
            .chain(LoadTrigger::ALL.map(Self::Load))
            .chain(waits)
            .chain(operations)
            .chain(StaleEvent::ALL.map(Self::StaleAge))
    }

    /// What it is called where it is stored.
    #[cfg(feature = "serde")]
    pub(crate) fn name(self) -> String {
        let (kind, which) = match self {
            Self::Request(result) => ("request", result.as_str()),
            Self::Load(trigger) => ("load", trigger.as_str()),
            Self::Wait(WaitScope::Process, outcome) => ("wait", outcome.as_str()),
            Self::Wait(WaitScope::Store, outcome) => ("wait.store", outcome.as_str()),
            Self::Operation(Tier::L1, operation) => ("operation", operation.as_str()),
            Self::Operation(Tier::L2, operation) => ("operation.l2", operation.as_str()),
            Self::StaleAge(event) => ("stale", event.as_str()),
        };
        format!("{kind}.{which}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_a_numbering(indices: impl IntoIterator<Item = usize>, count: usize, gaps: usize) {
        let mut indices: Vec<usize> = indices.into_iter().collect();
        let all = indices.len();
        indices.sort_unstable();
        indices.dedup();
        assert_eq!((indices.len(), indices.last()), (all, Some(&(count - 1))));
        assert_eq!(count - all, gaps);
    }

    #[test]
    fn every_number_and_series_has_an_index_of_its_own() {
        // A hit of the shared store is never a remembered error.
        is_a_numbering(Number::all().map(Number::index), Number::COUNT, 1);
        is_a_numbering(Series::all().map(Series::index), Series::COUNT, 0);
    }
}
