//! What a recorder had counted at one moment: plain values, which add up over caches and subtract over time.

use std::time::Duration;

use super::measured::{Durations, Sizes};
use super::number::{Number, Series};
use super::savings::{Taken, caching};
use crate::clock::nanos;
use crate::eviction::EvictionReason;
use crate::outcome::{
    Ending, LoadOutcome, LoadTrigger, Operation, RejectionReason, RequestResult, StaleEvent, StoreErrorKind, Tier,
    WaitOutcome, WaitScope,
};

/// The numbers that only grow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Totals(pub(super) [u64; Number::COUNT]);

impl Default for Totals {
    fn default() -> Self {
        Self([0; Number::COUNT])
    }
}

impl Totals {
    pub(super) fn get(&self, number: Number) -> u64 {
        self.0[number.index()]
    }

    /// Requests that ended so.
    #[must_use]
    pub fn ended(&self, ending: Ending) -> u64 {
        self.get(Number::Ended(ending))
    }

    /// Requests with this result, whatever else their ending says.
    #[must_use]
    pub fn result(&self, result: RequestResult) -> u64 {
        Ending::all(true).filter(|ending| ending.result == result).map(|ending| self.ended(ending)).sum()
    }

    /// Requests with this result that an entry of this store answered, and no remembered error.
    #[must_use]
    pub fn answered(&self, result: RequestResult, tier: Tier) -> u64 {
        self.ended(Ending { tier, ..Ending::of(result) })
    }

    /// Requests that ended.
    fn all_ended(&self) -> u64 {
        Ending::all(true).fold(0, |all, ending| all.saturating_add(self.ended(ending)))
    }

    /// Entries that left for this reason.
    #[must_use]
    pub fn evicted(&self, reason: EvictionReason) -> u64 {
        self.get(Number::Evicted(reason))
    }

    /// Loaded values that weren't stored, for this reason.
    #[must_use]
    pub fn rejected(&self, reason: RejectionReason) -> u64 {
        self.get(Number::Rejected(reason))
    }

    /// Operations on the shared store that failed so.
    #[must_use]
    pub fn store_errors(&self, operation: Operation, kind: StoreErrorKind) -> u64 {
        self.get(Number::StoreError(operation, kind))
    }

    /// One hit in so many was timed, on average; 0 while none was.
    #[must_use]
    pub fn hit_timing_interval(&self) -> f64 {
        let (hits, timed) = (self.result(RequestResult::Hit), self.get(Number::TimedHits));
        if timed == 0 { 0.0 } else { hits as f64 / timed as f64 }
    }

    /// What entries saved, less what caching took; the most that this has been.
    #[must_use]
    pub fn saved(&self) -> Duration {
        Duration::from_nanos(self.get(Number::Saved))
    }

    /// What the loads had taken that were not needed, as an entry answered.
    #[must_use]
    pub fn loads_saved(&self) -> Duration {
        Duration::from_nanos(self.get(Number::LoadsSaved))
    }

    /// Both together.
    #[must_use]
    pub fn plus(&self, other: &Self) -> Self {
        // What was sent here may be any number.
        Self(std::array::from_fn(|index| self.0[index].saturating_add(other.0[index])))
    }

    fn since(&self, earlier: &Self) -> Self {
        // A reading under way may see one of two numbers that change together: never less than nothing.
        Self(std::array::from_fn(|index| self.0[index].saturating_sub(earlier.0[index])))
    }
}

/// The largest of each distribution since the recorder's last turn.
pub(super) struct RecentMaxima {
    pub(super) durations: [u64; Series::COUNT],
    pub(super) entry_sizes: u64,
}

/// Everything one cache had counted at one moment, or within a time.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Deserialize, serde::Serialize),
    serde(from = "super::named::NamedCounts", into = "super::named::NamedCounts")
)]
pub struct Counts {
    /// Requests ended, evictions, and all else that only grows.
    pub totals: Totals,
    /// Requests begun and not ended.
    pub active: u64,
    /// Loads running.
    pub loads_active: u64,
    /// Requests waiting for another's load.
    pub waits_active: u64,
    pub(super) durations: [Durations; Series::COUNT],
    pub(super) entry_sizes: Sizes,
}

impl Counts {
    /// Requests: those that ended, and those under way.
    #[must_use]
    pub fn requests(&self) -> u64 {
        self.totals.all_ended().saturating_add(self.active)
    }

    /// Loads of this trigger that ended so.
    #[must_use]
    pub fn loads(&self, trigger: LoadTrigger, outcome: LoadOutcome) -> u64 {
        self.totals.get(Number::Load(trigger, outcome))
    }

    /// Waits for these that ended so.
    #[must_use]
    pub fn waits(&self, scope: WaitScope, outcome: WaitOutcome) -> u64 {
        self.totals.get(Number::Wait(scope, outcome))
    }

    /// What caching took: each look in memory, as long as those that were timed, what was put there, and what a shared
    /// store was asked. An estimate as far as look-ups go.
    #[must_use]
    pub fn caching_time(&self) -> Duration {
        let sum = |series| nanos(self.series(series).sum());
        let looks = Series::Operation(Tier::L1, Operation::Get);
        let looks = Taken { count: self.series(looks).count(), sum: sum(looks) };
        Duration::from_nanos(caching(&self.totals, looks, sum))
    }

    fn series(&self, series: Series) -> &Durations {
        &self.durations[series.index()]
    }

    /// Durations of requests with this result; of hits, the timed ones.
    #[must_use]
    pub fn request_durations(&self, result: RequestResult) -> &Durations {
        self.series(Series::Request(result))
    }

    /// Durations of loads of this trigger, however they ended.
    #[must_use]
    pub fn load_durations(&self, trigger: LoadTrigger) -> &Durations {
        self.series(Series::Load(trigger))
    }

    /// Durations of waits for these that ended so.
    #[must_use]
    pub fn wait_durations(&self, scope: WaitScope, outcome: WaitOutcome) -> &Durations {
        self.series(Series::Wait(scope, outcome))
    }

    /// Durations of this operation on this store; of look-ups in memory, the timed ones.
    #[must_use]
    pub fn operation_durations(&self, tier: Tier, operation: Operation) -> &Durations {
        self.series(Series::Operation(tier, operation))
    }

    /// How far past their time entries were when this became of them.
    #[must_use]
    pub fn stale_ages(&self, event: StaleEvent) -> &Durations {
        self.series(Series::StaleAge(event))
    }

    /// Sizes of the entries that were stored; none where the cache wasn't told how to measure them.
    #[must_use]
    pub fn entry_sizes(&self) -> &Sizes {
        &self.entry_sizes
    }

    /// Both together, as if one recorder had counted them.
    #[must_use]
    pub fn plus(&self, other: &Self) -> Self {
        Self {
            totals: self.totals.plus(&other.totals),
            active: self.active.saturating_add(other.active),
            loads_active: self.loads_active.saturating_add(other.loads_active),
            waits_active: self.waits_active.saturating_add(other.waits_active),
            durations: std::array::from_fn(|index| self.durations[index].plus(&other.durations[index])),
            entry_sizes: self.entry_sizes.plus(&other.entry_sizes),
        }
    }

    /// What was counted between `earlier` and this. What is under way is that of this; a largest that isn't that of all
    /// time is known to its histogram's error.
    #[must_use]
    pub fn minus(&self, earlier: &Self) -> Self {
        Self {
            totals: self.totals.since(&earlier.totals),
            durations: std::array::from_fn(|index| self.durations[index].minus(&earlier.durations[index])),
            entry_sizes: self.entry_sizes.minus(&earlier.entry_sizes),
            ..*self
        }
    }

    /// What was counted between `earlier` and now. What is under way is so now.
    pub(super) fn since(&self, earlier: &Self, recent: &RecentMaxima) -> Self {
        let since = |index: usize| self.durations[index].since(&earlier.durations[index], recent.durations[index]);
        Self {
            totals: self.totals.since(&earlier.totals),
            durations: std::array::from_fn(since),
            entry_sizes: self.entry_sizes.since(&earlier.entry_sizes, recent.entry_sizes),
            ..*self
        }
    }
}
