//! Everything that a recorder has counted, at one moment or within a period.

use std::time::Duration;

use cachescope_core::{
    LoadOutcome, LoadTrigger, Operation, RequestResult, StaleEvent, Tier, WaitOutcome, WaitScope, nanos,
};

use super::counter_id::CounterId;
use super::duration_series::DurationSeries;
use super::histogram::{Durations, Sizes};
use super::savings::{TimedLookups, caching_nanos};
use super::totals::Totals;

/// The maximum of each histogram since the start of the recorder's period.
pub(super) struct RecentMaxima {
    pub(super) durations: [u64; DurationSeries::COUNT],
    pub(super) entry_sizes: u64,
}

/// Everything that was counted of one cache, up to one moment or within a period.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Deserialize, serde::Serialize),
    serde(from = "super::named_counts::NamedCounts", into = "super::named_counts::NamedCounts")
)]
pub struct Counts {
    /// The counters.
    pub totals: Totals,
    /// The number of requests that have started and not ended.
    pub active: u64,
    /// The number of loads that are running.
    pub loads_active: u64,
    /// The number of requests that wait for another request's load.
    pub waits_active: u64,
    pub(super) durations: [Durations; DurationSeries::COUNT],
    pub(super) entry_sizes: Sizes,
}

impl Counts {
    /// Returns the number of requests, including active ones.
    #[must_use]
    pub fn requests(&self) -> u64 {
        self.totals.all_ended().saturating_add(self.active)
    }

    /// Returns the number of loads with this trigger and outcome.
    #[must_use]
    pub fn loads(&self, trigger: LoadTrigger, outcome: LoadOutcome) -> u64 {
        self.totals.get(CounterId::Load(trigger, outcome))
    }

    /// Returns the number of waits with this scope and outcome.
    #[must_use]
    pub fn waits(&self, scope: WaitScope, outcome: WaitOutcome) -> u64 {
        self.totals.get(CounterId::Wait(scope, outcome))
    }

    /// Returns the time spent on caching: look-ups and writes in memory, and operations on the shared store. The time
    /// of look-ups in memory is estimated from the timed ones.
    #[must_use]
    pub fn caching_time(&self) -> Duration {
        let sum = |series| nanos(self.series(series).sum());
        let lookups = DurationSeries::Operation(Tier::L1, Operation::Get);
        let lookups = TimedLookups { count: self.series(lookups).count(), sum: sum(lookups) };
        Duration::from_nanos(caching_nanos(&self.totals, lookups, sum))
    }

    fn series(&self, series: DurationSeries) -> &Durations {
        &self.durations[series.index()]
    }

    /// Returns the durations of requests with this result; for hits, of the timed ones.
    #[must_use]
    pub fn request_durations(&self, result: RequestResult) -> &Durations {
        self.series(DurationSeries::Request(result))
    }

    /// Returns the durations of loads with this trigger, of all outcomes.
    #[must_use]
    pub fn load_durations(&self, trigger: LoadTrigger) -> &Durations {
        self.series(DurationSeries::Load(trigger))
    }

    /// Returns the durations of waits with this scope and outcome.
    #[must_use]
    pub fn wait_durations(&self, scope: WaitScope, outcome: WaitOutcome) -> &Durations {
        self.series(DurationSeries::Wait(scope, outcome))
    }

    /// Returns the durations of this operation on this store; for look-ups in memory, of the timed ones.
    #[must_use]
    pub fn operation_durations(&self, tier: Tier, operation: Operation) -> &Durations {
        self.series(DurationSeries::Operation(tier, operation))
    }

    /// Returns the times since entries expired, for this event.
    #[must_use]
    pub fn stale_ages(&self, event: StaleEvent) -> &Durations {
        self.series(DurationSeries::StaleAge(event))
    }

    /// Returns the sizes of stored entries. Empty if the cache has no size function.
    #[must_use]
    pub fn entry_sizes(&self) -> &Sizes {
        &self.entry_sizes
    }

    /// Returns the sum of both, as if one recorder had counted everything.
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

    /// Returns everything counted between `earlier` and `self`. The active requests, loads and waits are those of
    /// `self`. A maximum that isn't the overall maximum has the error of its histogram.
    #[must_use]
    pub fn minus(&self, earlier: &Self) -> Self {
        Self {
            totals: self.totals.since(&earlier.totals),
            durations: std::array::from_fn(|index| self.durations[index].minus(&earlier.durations[index])),
            entry_sizes: self.entry_sizes.minus(&earlier.entry_sizes),
            ..*self
        }
    }

    /// Returns everything counted between `earlier` and now. Active requests, loads and waits are the current ones.
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
