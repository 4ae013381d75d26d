//! What the proofs share: the telemetry contract as data, a known mix of requests, and numbers in a form
//! that can be compared.

use std::collections::BTreeMap;

use cachescope::{RequestResult, Stats};

pub mod access_trace;
pub mod collector_config;
pub mod contract;
pub mod exported;
pub mod member;
pub mod numbers;
pub mod one;
pub mod opened;
pub mod workload;

/// Requests by result.
#[must_use]
pub fn results(stats: &Stats) -> BTreeMap<RequestResult, u64> {
    RequestResult::ALL.into_iter().map(|result| (result, stats.result(result))).collect()
}

/// The programs of the workspace's README, which has to compile.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct Readme;
