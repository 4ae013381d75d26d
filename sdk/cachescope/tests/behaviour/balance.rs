//! What always holds when nothing is under way.

use cachescope::{LoadOutcome, RequestResult, Stats};

/// Requests are the sum of results, misses are loads by miss, and nothing is under way.
pub(crate) fn assert_balanced(stats: &Stats) {
    let results = RequestResult::ALL.into_iter().map(|result| stats.result(result)).sum::<u64>();
    assert_eq!((stats.requests(), stats.in_flight()), (results, 0));
    let ended = [LoadOutcome::Loaded, LoadOutcome::Failed, LoadOutcome::Panicked];
    assert_eq!(stats.misses(), ended.into_iter().map(|outcome| stats.loads(outcome)).sum::<u64>());
    assert_eq!((stats.loads_active(), stats.waits_active()), (0, 0));
}
