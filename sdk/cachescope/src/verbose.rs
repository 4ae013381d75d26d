//! What a request tells that asked to be told what happened: events of `tracing`, without key or value.

use std::time::Duration;

use cachescope_core::{Identity, LoadOutcome, LoadTrigger, MissReason, WaitOutcome};

use crate::spans::Answered;

/// Where the events come from, for filters.
const TARGET: &str = "cachescope";

/// How a request ended.
pub(crate) fn request(identity: &Identity, answered: &Answered, took: Duration) {
    let Answered { ending, age, .. } = answered;
    tracing::info!(
        target: TARGET,
        cache = identity.cache,
        store = identity.store,
        result = ending.result.as_str(),
        reason = ending.reason.map(MissReason::as_str),
        failed = ending.failure.is_some(),
        entry_age = age.map(tracing::field::debug),
        ?took,
        "request",
    );
}

/// How a load of it ended.
pub(crate) fn load(identity: &Identity, trigger: LoadTrigger, outcome: LoadOutcome, took: Duration) {
    let (trigger, outcome) = (trigger.as_str(), outcome.as_str());
    tracing::info!(target: TARGET, cache = identity.cache, trigger, outcome, ?took, "load");
}

/// How a wait of it ended.
pub(crate) fn wait(identity: &Identity, outcome: WaitOutcome, took: Duration) {
    let outcome = outcome.as_str();
    tracing::info!(target: TARGET, cache = identity.cache, outcome, ?took, "wait");
}
