//! Shared code of the tests: the telemetry contract as data, a known mix of requests, receivers, and counts in a form that
//! can be compared.

use std::collections::BTreeMap;

use cachescope::Stats;
use cachescope::metrics::RequestResult;

pub mod access_trace;
pub mod collector_config;
pub mod contract;
pub mod numbers;
pub mod program;
pub mod receiver;
pub mod scrape;
pub mod sdk;
pub mod setup;
pub mod single_entry;
pub mod store;
pub mod workload;

/// Requests by result.
#[must_use]
pub fn results(stats: &Stats) -> BTreeMap<RequestResult, u64> {
    RequestResult::ALL.into_iter().map(|result| (result, stats.result(result))).collect()
}

/// The programs of the workspace's README, which must compile.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct Readme;
