//! The load time that entries avoided, and the time spent on caching.

use std::sync::atomic::{AtomicU64, Ordering};

use cachescope_core::{Operation, RequestResult, Tier};

use super::duration_series::DurationSeries;
use super::totals::Totals;

/// Returns the time spent on caching, in nanoseconds. It consists of one look-up in memory per request, with the mean
/// duration of the timed `lookups`, of writes to memory, and of operations on the shared store.
pub(super) fn caching_nanos(totals: &Totals, lookups: TimedLookups, sum: impl Fn(DurationSeries) -> u64) -> u64 {
    let requests = [
        RequestResult::Hit,
        RequestResult::Stale,
        RequestResult::Miss,
        RequestResult::Coalesced,
        RequestResult::Absent,
    ];
    let requests = requests.map(|result| totals.result(result)).into_iter().fold(0, u64::saturating_add);
    let lookup_nanos = u128::from(lookups.sum) * u128::from(requests) / u128::from(lookups.count.max(1));
    let others = [
        (Tier::L1, Operation::Put),
        (Tier::L2, Operation::Get),
        (Tier::L2, Operation::Put),
        (Tier::L2, Operation::Lease),
    ];
    let others = others.map(|(tier, operation)| sum(DurationSeries::Operation(tier, operation)));
    others.into_iter().fold(u64::try_from(lookup_nanos).unwrap_or(u64::MAX), u64::saturating_add)
}

/// The timed look-ups in memory: their number and their total duration in nanoseconds.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct TimedLookups {
    pub(super) count: u64,
    pub(super) sum: u64,
}

/// The load time that entries avoided in requests other than quiet hits, and the net amount reported so far.
#[derive(Debug, Default)]
pub(super) struct Savings {
    by_other_requests: AtomicU64,
    reported: AtomicU64,
}

impl Savings {
    /// Adds the load time of an entry that answered a request other than a quiet hit.
    pub(super) fn add(&self, nanos: u64) {
        self.by_other_requests.fetch_add(nanos, Ordering::Relaxed);
    }

    /// Returns the load time avoided, in nanoseconds. `by_hits` is the part of quiet hits.
    pub(super) fn gross(&self, by_hits: u64) -> u64 {
        by_hits.saturating_add(self.by_other_requests.load(Ordering::Relaxed))
    }

    /// Returns the maximum of `net` so far. The reported counter never falls: it stands still while caching costs more
    /// than it saves.
    pub(super) fn reported(&self, net: u64) -> u64 {
        self.reported.fetch_max(net, Ordering::Relaxed).max(net)
    }
}

#[cfg(test)]
mod tests {
    use super::super::counter_id::CounterId;
    use super::*;
    use cachescope_core::{MissReason, RequestOutcome};

    #[test]
    fn caching_time_contains_lookups_writes_and_shared_operations() {
        let mut totals = Totals::default();
        totals.0[CounterId::Ended(RequestOutcome::new(RequestResult::Hit)).index()] = 900;
        totals.0[CounterId::Ended(RequestOutcome::miss(MissReason::Cold)).index()] = 100;
        totals.0[CounterId::Ended(RequestOutcome::new(RequestResult::Bypass)).index()] = 5_000;
        let sum = |series| match series {
            DurationSeries::Operation(Tier::L1, Operation::Put) => 7_000,
            DurationSeries::Operation(Tier::L2, Operation::Lease) => 1,
            _ => 0,
        };
        assert_eq!(caching_nanos(&totals, TimedLookups { count: 10, sum: 200 }, sum), 1_000 * 20 + 7_000 + 1);
        assert_eq!(caching_nanos(&totals, TimedLookups::default(), |_| 0), 0, "nothing was timed");
    }

    #[test]
    fn reported_savings_never_fall() {
        let savings = Savings::default();
        savings.add(5);
        assert_eq!(savings.gross(10), 15);
        assert_eq!([15, 3, 20, 0].map(|net| savings.reported(net)), [15, 15, 20, 20]);
    }
}
