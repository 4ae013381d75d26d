//! The invariants that hold when nothing is in flight.

use cachescope::Stats;
use cachescope::metrics::{LoadOutcome, RequestResult};

/// Requests equal the sum of results, misses equal loads triggered by misses, and nothing is in flight.
pub(crate) fn assert_balanced(stats: &Stats) {
    let results = RequestResult::ALL.into_iter().map(|result| stats.result(result)).sum::<u64>();
    assert_eq!((stats.requests(), stats.in_flight()), (results, 0));
    let ended = [LoadOutcome::Loaded, LoadOutcome::Failed, LoadOutcome::Panicked];
    assert_eq!(stats.misses(), ended.into_iter().map(|outcome| stats.loads(outcome)).sum::<u64>());
    assert_eq!((stats.loads_active(), stats.waits_active()), (0, 0));
}
