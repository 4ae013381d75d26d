//! What entries saved the requests they answered, and what the cache cost for that.

use std::sync::atomic::{AtomicU64, Ordering};

use super::number::Series;
use super::totals::Totals;
use crate::outcome::{Operation, RequestResult, Tier};

/// What caching took, in nanoseconds: looking in memory at each request, as long as the look-ups that were timed, which
/// are `looks`; putting there; and all that a shared store was asked.
pub(super) fn caching(totals: &Totals, looks: Taken, sum: impl Fn(Series) -> u64) -> u64 {
    let looked = [
        RequestResult::Hit,
        RequestResult::Stale,
        RequestResult::Miss,
        RequestResult::Coalesced,
        RequestResult::Absent,
    ];
    let looked = looked.map(|result| totals.result(result)).into_iter().fold(0, u64::saturating_add);
    let looking = u128::from(looks.sum) * u128::from(looked) / u128::from(looks.count.max(1));
    let others = [
        (Tier::L1, Operation::Put),
        (Tier::L2, Operation::Get),
        (Tier::L2, Operation::Put),
        (Tier::L2, Operation::Lease),
    ];
    let others = others.map(|(tier, operation)| sum(Series::Operation(tier, operation)));
    others.into_iter().fold(u64::try_from(looking).unwrap_or(u64::MAX), u64::saturating_add)
}

/// The look-ups in memory that were timed: how many, and how long they took together, in nanoseconds.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Taken {
    pub(super) count: u64,
    pub(super) sum: u64,
}

/// What entries saved besides what hits count for themselves, and what of it has been told.
#[derive(Debug, Default)]
pub(super) struct Savings {
    by_others: AtomicU64,
    told: AtomicU64,
}

impl Savings {
    /// An entry answered a request that was no quiet hit, and its load had cost so many nanoseconds.
    pub(super) fn add(&self, nanos: u64) {
        self.by_others.fetch_add(nanos, Ordering::Relaxed);
    }

    /// Nanoseconds of loads that were not needed, where quiet hits saved so many.
    pub(super) fn gross(&self, by_hits: u64) -> u64 {
        by_hits.saturating_add(self.by_others.load(Ordering::Relaxed))
    }

    /// The most that `net` has been: what is told as a counter never falls, and stands still while the cache costs
    /// more than it saves.
    pub(super) fn told(&self, net: u64) -> u64 {
        self.told.fetch_max(net, Ordering::Relaxed).max(net)
    }
}

#[cfg(test)]
mod tests {
    use super::super::number::Number;
    use super::*;
    use crate::outcome::{Ending, MissReason};

    #[test]
    fn caching_is_every_look_and_what_was_put_or_asked_elsewhere() {
        let mut totals = Totals::default();
        totals.0[Number::Ended(Ending::of(RequestResult::Hit)).index()] = 900;
        totals.0[Number::Ended(Ending::miss(MissReason::Cold)).index()] = 100;
        totals.0[Number::Ended(Ending::of(RequestResult::Bypass)).index()] = 5_000;
        let sum = |series| match series {
            Series::Operation(Tier::L1, Operation::Put) => 7_000,
            Series::Operation(Tier::L2, Operation::Lease) => 1,
            _ => 0,
        };
        assert_eq!(caching(&totals, Taken { count: 10, sum: 200 }, sum), 1_000 * 20 + 7_000 + 1);
        assert_eq!(caching(&totals, Taken::default(), |_| 0), 0, "nothing was timed");
    }

    #[test]
    fn what_is_told_never_falls() {
        let savings = Savings::default();
        savings.add(5);
        assert_eq!(savings.gross(10), 15);
        assert_eq!([15, 3, 20, 0].map(|net| savings.told(net)), [15, 15, 20, 20]);
    }
}
