//! What a recorder had counted at one moment: plain values.

use super::durations::Durations;
use super::sizes::Sizes;
use crate::eviction::EvictionReason;
use crate::outcome::{
    Ending, LoadOutcome, LoadTrigger, Operation, RejectionReason, RequestResult, StaleEvent, WaitOutcome,
};

/// The counters that OpenTelemetry observes, as plain numbers that add up over caches.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Totals {
    pub(super) ended: [u64; Ending::COUNT],
    pub(super) evicted: [u64; EvictionReason::ALL.len()],
    pub(super) rejected: [u64; RejectionReason::ALL.len()],
    pub(super) timed_hits: u64,
}

impl Default for Totals {
    fn default() -> Self {
        Self {
            ended: [0; Ending::COUNT],
            evicted: [0; EvictionReason::ALL.len()],
            rejected: [0; RejectionReason::ALL.len()],
            timed_hits: 0,
        }
    }
}

impl Totals {
    /// Requests that ended so.
    #[must_use]
    pub fn ended(&self, ending: Ending) -> u64 {
        self.ended[ending.index()]
    }

    /// Requests with this result, whatever else their ending says.
    #[must_use]
    pub fn result(&self, result: RequestResult) -> u64 {
        Ending::all(true).filter(|ending| ending.result == result).map(|ending| self.ended(ending)).sum()
    }

    /// Entries that left for this reason.
    #[must_use]
    pub fn evicted(&self, reason: EvictionReason) -> u64 {
        self.evicted[reason as usize]
    }

    /// Loaded values that weren't stored, for this reason.
    #[must_use]
    pub fn rejected(&self, reason: RejectionReason) -> u64 {
        self.rejected[reason as usize]
    }

    /// One hit in so many was timed, on average; 1 before the first.
    #[must_use]
    pub fn hit_timing_interval(&self) -> f64 {
        let hits = self.result(RequestResult::Hit);
        if self.timed_hits == 0 { 1.0 } else { hits as f64 / self.timed_hits as f64 }
    }

    /// Both together.
    #[must_use]
    pub fn plus(&self, other: &Self) -> Self {
        Self {
            ended: std::array::from_fn(|index| self.ended[index] + other.ended[index]),
            evicted: std::array::from_fn(|index| self.evicted[index] + other.evicted[index]),
            rejected: std::array::from_fn(|index| self.rejected[index] + other.rejected[index]),
            timed_hits: self.timed_hits + other.timed_hits,
        }
    }
}

/// Everything one cache had counted at one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Counts {
    /// Requests begun.
    pub started: u64,
    /// Requests begun and not ended.
    pub active: u64,
    /// Requests ended, and evictions.
    pub totals: Totals,
    pub(super) loads: [[u64; LoadOutcome::ALL.len()]; LoadTrigger::ALL.len()],
    /// Loads running.
    pub loads_active: u64,
    pub(super) waits: [u64; WaitOutcome::ALL.len()],
    /// Requests waiting for another's load.
    pub waits_active: u64,
    pub(super) request_durations: [Durations; RequestResult::ALL.len()],
    pub(super) load_durations: [Durations; LoadTrigger::ALL.len()],
    pub(super) wait_durations: [Durations; WaitOutcome::ALL.len()],
    pub(super) operation_durations: [Durations; Operation::ALL.len()],
    pub(super) stale_ages: [Durations; StaleEvent::ALL.len()],
    pub(super) entry_sizes: Sizes,
}

impl Counts {
    /// Loads of this trigger that ended so.
    #[must_use]
    pub fn loads(&self, trigger: LoadTrigger, outcome: LoadOutcome) -> u64 {
        self.loads[trigger as usize][outcome as usize]
    }

    /// Waits that ended so.
    #[must_use]
    pub fn waits(&self, outcome: WaitOutcome) -> u64 {
        self.waits[outcome as usize]
    }

    /// Durations of requests with this result; of hits, the timed ones.
    #[must_use]
    pub fn request_durations(&self, result: RequestResult) -> &Durations {
        &self.request_durations[result as usize]
    }

    /// Durations of loads of this trigger, however they ended.
    #[must_use]
    pub fn load_durations(&self, trigger: LoadTrigger) -> &Durations {
        &self.load_durations[trigger as usize]
    }

    /// Durations of waits that ended so.
    #[must_use]
    pub fn wait_durations(&self, outcome: WaitOutcome) -> &Durations {
        &self.wait_durations[outcome as usize]
    }

    /// Durations of this operation; of look-ups, the timed ones.
    #[must_use]
    pub fn operation_durations(&self, operation: Operation) -> &Durations {
        &self.operation_durations[operation as usize]
    }

    /// How far past their time entries were when this became of them.
    #[must_use]
    pub fn stale_ages(&self, event: StaleEvent) -> &Durations {
        &self.stale_ages[event as usize]
    }

    /// Sizes of the entries that were stored; none where the cache wasn't told how to measure them.
    #[must_use]
    pub fn entry_sizes(&self) -> &Sizes {
        &self.entry_sizes
    }
}
