//! The answer of a request that didn't load, or whose load is over.

use std::sync::Arc;

use cachescope_core::{Entry, Failure, HashedKey, RequestOutcome, RequestResult, StaleEvent, Store, Tier, Timestamp};

use crate::engine::Engine;
use crate::engine::bounds::{CacheKey, CacheValue, LoadError};
use crate::engine::plan::{Known, Plan};
use crate::engine::single_flight::Answer;
use crate::error::CallError;
use crate::telemetry::guards::RequestGuard;

impl<K: CacheKey, V: CacheValue, E: LoadError, S: Store<K, V>> Engine<K, V, E, S> {
    /// Ends a request with an entry that was found at `now`.
    pub(crate) fn answer_with(
        &self,
        hash: u64,
        mut request: RequestGuard<'_>,
        entry: Entry<V>,
        now: Timestamp,
        ending: RequestOutcome,
    ) -> V {
        if ending.result == RequestResult::Stale {
            self.recorder.stale(StaleEvent::Served, now.since(entry.fresh_until));
        }
        // A stale entry that answers for a failed load saved no load.
        if matches!(ending.result, RequestResult::Hit | RequestResult::Stale) && ending.failure.is_none() {
            self.recorder.saved_load(entry.cost);
            if ending.tier == Tier::L1 {
                self.record_hit(hash, &entry, now);
            }
        }
        request.record_entry_age(now.since(entry.stored_at));
        request.record_load_cost(entry.cost.duration());
        request.end(ending);
        entry.value
    }

    /// Ends a request with an answer that it found instead of loading.
    pub(crate) fn settle_known(
        &self,
        key: &HashedKey<K>,
        request: RequestGuard<'_>,
        plan: Plan,
        known: Known<V, E>,
    ) -> Result<V, CallError<E>> {
        let ending = RequestOutcome::new(RequestResult::Hit);
        match known {
            Known::Entry(entry) => Ok(self.answer_with(key.hash(), request, entry, self.clock.now(), ending)),
            Known::Error(error) => self.settle(key, request, Plan { outcome: ending, ..plan }, &Err(error), None),
        }
    }

    /// Ends a request with the answer of a load. In place of an error, an expired entry may answer: the one in memory,
    /// or `l2_entry` of the shared store.
    pub(crate) fn settle(
        &self,
        key: &HashedKey<K>,
        request: RequestGuard<'_>,
        plan: Plan,
        answer: &Answer<V, E>,
        l2_entry: Option<Entry<V>>,
    ) -> Result<V, CallError<E>> {
        let error = match answer {
            Ok(value) => {
                request.end(plan.outcome);
                return Ok(value.clone());
            }
            Err(error) => error,
        };
        let now = self.clock.now();
        let ending = RequestOutcome::new(RequestResult::Stale).with_failure(Failure::Error);
        if let Some(entry) = self.last_good(key, plan, now) {
            return Ok(self.answer_with(key.hash(), request, entry, now, ending));
        }
        if let Some(entry) = l2_entry {
            return Ok(self.answer_with(key.hash(), request, entry, now, ending.served_by_shared_store()));
        }
        request.end(plan.outcome.with_failure(Failure::Error));
        Err(CallError::Load(Arc::clone(error)))
    }

    /// Returns whether an expired entry may answer for a failed load.
    pub(crate) fn may_serve_stale(&self, plan: Plan) -> bool {
        // A request that bypasses the cache accepts no entry.
        self.memory.policy.serves_stale_on_error() && plan.outcome.result != RequestResult::Bypass
    }

    /// Returns the expired entry in memory that may answer for a failed load.
    fn last_good(&self, key: &HashedKey<K>, plan: Plan, now: Timestamp) -> Option<Entry<V>> {
        if !self.may_serve_stale(plan) {
            return None;
        }
        self.memory.stale_on_error(key.as_ref(), plan, now)
    }
}
