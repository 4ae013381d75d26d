//! The log events of verbose requests, without keys and values.

use std::time::Duration;

use cachescope_core::{CacheIdentity, LoadOutcome, LoadTrigger, MissReason, WaitOutcome};

use crate::telemetry::spans::RequestSummary;

/// The target of the events, for filters.
const TARGET: &str = "cachescope";

/// Logs the outcome of a request.
pub(crate) fn request(identity: &CacheIdentity, summary: &RequestSummary, took: Duration) {
    let RequestSummary { outcome, age, .. } = summary;
    tracing::info!(
        target: TARGET,
        cache = identity.name,
        store = identity.store,
        result = outcome.result.as_str(),
        reason = outcome.reason.map(MissReason::as_str),
        failed = outcome.failure.is_some(),
        entry_age = age.map(tracing::field::debug),
        ?took,
        "request",
    );
}

/// Logs the outcome of a load.
pub(crate) fn load(identity: &CacheIdentity, trigger: LoadTrigger, outcome: LoadOutcome, took: Duration) {
    let (trigger, outcome) = (trigger.as_str(), outcome.as_str());
    tracing::info!(target: TARGET, cache = identity.name, trigger, outcome, ?took, "load");
}

/// Logs the outcome of a wait.
pub(crate) fn wait(identity: &CacheIdentity, outcome: WaitOutcome, took: Duration) {
    let outcome = outcome.as_str();
    tracing::info!(target: TARGET, cache = identity.name, outcome, ?took, "wait");
}
