//! The index of each series of durations.
use cachescope_core::{LoadTrigger, Operation, RequestResult, StaleEvent, Tier, WaitOutcome, WaitScope};

/// A series of durations, which has its own histogram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum DurationSeries {
    /// Requests with this result; for hits, the timed ones.
    Request(RequestResult),
    /// Loads with this trigger.
    Load(LoadTrigger),
    /// Waits with this scope and outcome.
    Wait(WaitScope, WaitOutcome),
    /// This operation on this store.
    Operation(Tier, Operation),
    /// The time since the entries expired, for this event.
    StaleAge(StaleEvent),
}

const LOAD_TIMES: usize = RequestResult::ALL.len();
const WAIT_TIMES: usize = LOAD_TIMES + LoadTrigger::ALL.len();
const OPERATION_TIMES: usize = WAIT_TIMES + WaitScope::ALL.len() * WaitOutcome::ALL.len();
const STALE_AGES: usize = OPERATION_TIMES + Tier::ALL.len() * Operation::ALL.len();

impl DurationSeries {
    /// The number of series.
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

    /// Returns the name of the series in stored counts.
    #[cfg(feature = "serde")]
    pub(crate) fn name(self) -> String {
        let (kind, which) = match self {
            Self::Request(result) => ("request", result.as_str()),
            Self::Load(trigger) => ("load", trigger.as_str()),
            Self::Wait(WaitScope::Process, outcome) => ("wait", outcome.as_str()),
            Self::Wait(_, outcome) => ("wait.store", outcome.as_str()),
            Self::Operation(Tier::L1, operation) => ("operation", operation.as_str()),
            Self::Operation(_, operation) => ("operation.l2", operation.as_str()),
            Self::StaleAge(event) => ("stale", event.as_str()),
        };
        format!("{kind}.{which}")
    }
}
