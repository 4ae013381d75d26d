//! The cache's books, line by line.

use cachescope::{
    Ending, EvictionReason, LoadOutcome, LoadTrigger, Operation, RejectionReason, StaleEvent, Stats, WaitOutcome,
};

/// A line of the books.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Line {
    Requests,
    InFlight,
    LoadsActive,
    WaitsActive,
    LongestWait,
    Entries,
    Ended(Ending),
    /// Of misses alone.
    Load(LoadOutcome),
    /// However they ended.
    Loads(LoadTrigger),
    Wait(WaitOutcome),
    Stale(StaleEvent),
    Store(Operation),
    Evicted(EvictionReason),
    Rejected(RejectionReason),
}

impl Line {
    pub(crate) fn all() -> impl Iterator<Item = Self> {
        use Line::{Entries, InFlight, LoadsActive, LongestWait, Requests, WaitsActive};
        [Requests, InFlight, LoadsActive, WaitsActive, LongestWait, Entries]
            .into_iter()
            .chain(Ending::all(true).map(Self::Ended))
            .chain(LoadOutcome::ALL.map(Self::Load))
            .chain(LoadTrigger::ALL.map(Self::Loads))
            .chain(WaitOutcome::ALL.map(Self::Wait))
            .chain(StaleEvent::ALL.map(Self::Stale))
            // Of look-ups only some are timed.
            .chain([Operation::Put, Operation::Remove, Operation::Clear].map(Self::Store))
            .chain(EvictionReason::ALL.map(Self::Evicted))
            .chain(RejectionReason::ALL.map(Self::Rejected))
    }

    /// What the cache's own books say.
    pub(crate) fn of(self, stats: &Stats) -> u64 {
        match self {
            Self::Requests => stats.requests(),
            Self::InFlight => stats.in_flight(),
            Self::LoadsActive => stats.loads_active(),
            Self::WaitsActive => stats.waits_active(),
            Self::LongestWait => stats.longest_wait().as_secs(),
            Self::Entries => stats.levels().entries,
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
