//! The counts of a cache, one by one.

use cachescope::Stats;
use cachescope::metrics::{
    EvictionReason, LoadOutcome, LoadTrigger, Operation, RejectionReason, RequestOutcome, StaleEvent, WaitOutcome,
};

/// One count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Count {
    Requests,
    InFlight,
    LoadsActive,
    WaitsActive,
    LongestWait,
    Entries,
    Ended(RequestOutcome),
    /// Loads of misses, by outcome.
    Load(LoadOutcome),
    /// Loads with any outcome, by trigger.
    Loads(LoadTrigger),
    Wait(WaitOutcome),
    Stale(StaleEvent),
    Store(Operation),
    Evicted(EvictionReason),
    Rejected(RejectionReason),
}

impl Count {
    pub(crate) fn all() -> impl Iterator<Item = Self> {
        use Count::{Entries, InFlight, LoadsActive, LongestWait, Requests, WaitsActive};
        [Requests, InFlight, LoadsActive, WaitsActive, LongestWait, Entries]
            .into_iter()
            .chain(RequestOutcome::all(true).map(Self::Ended))
            .chain(LoadOutcome::ALL.map(Self::Load))
            .chain(LoadTrigger::ALL.map(Self::Loads))
            .chain(WaitOutcome::ALL.map(Self::Wait))
            .chain(StaleEvent::ALL.map(Self::Stale))
            // Only some look-ups are timed.
            .chain([Operation::Put, Operation::Remove, Operation::Clear].map(Self::Store))
            .chain(EvictionReason::ALL.map(Self::Evicted))
            .chain(RejectionReason::ALL.map(Self::Rejected))
    }

    /// The value in the stats of a cache.
    pub(crate) fn of(self, stats: &Stats) -> u64 {
        match self {
            Self::Requests => stats.requests(),
            Self::InFlight => stats.in_flight(),
            Self::LoadsActive => stats.loads_active(),
            Self::WaitsActive => stats.waits_active(),
            Self::LongestWait => stats.longest_wait().as_secs(),
            Self::Entries => stats.usage().entries,
            Self::Ended(ending) => stats.ended(ending),
            Self::Load(outcome) => stats.loads(outcome),
            Self::Loads(LoadTrigger::Miss) => stats.load_duration().count(),
            Self::Loads(LoadTrigger::Bypass) => stats.load_duration_by(LoadTrigger::Bypass).count(),
            Self::Loads(_) => stats.load_duration_by(LoadTrigger::Refresh).count(),
            Self::Wait(outcome) => stats.waits(outcome),
            Self::Stale(event) => stats.stale_age(event).count(),
            Self::Store(operation) => stats.operation(operation).count(),
            Self::Evicted(reason) => stats.evictions(reason),
            Self::Rejected(reason) => stats.rejections(reason),
        }
    }
}
