//! What the proofs share: the telemetry contract as data, and numbers in comparable form.

use std::collections::BTreeMap;

use cachescope::{RequestResult, Stats};

pub mod contract;

/// Requests by result.
#[must_use]
pub fn results(stats: &Stats) -> BTreeMap<RequestResult, u64> {
    RequestResult::ALL.into_iter().map(|result| (result, stats.result(result))).collect()
}
