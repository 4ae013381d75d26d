//! How a request that didn't load is answered, or one whose load is over.

use std::sync::Arc;

use cachescope_core::{Ending, Entry, Failure, HashedKey, Moment, RequestResult, StaleEvent, Store, Tier};

use crate::books::OpenRequest;
use crate::bounds::{CacheKey, CacheValue, LoadError};
use crate::engine::Engine;
use crate::error::CallError;
use crate::flight::Answer;
use crate::miss::{Plan, Takes};
use crate::policy::Standing;

/// What a request finds when it is its turn to load.
pub(crate) enum Known<V, E> {
    /// A load that landed after its look-up has stored this.
    Entry(Entry<V>),
    /// A load failed, and its error is remembered.
    Error(Arc<E>),
}

impl<K: CacheKey, V: CacheValue, E: LoadError, S: Store<K, V>> Engine<K, V, E, S> {
    /// What there is for a request that would load.
    pub(crate) fn find(&self, key: &HashedKey<K>, now: Moment, plan: Plan) -> Option<Known<V, E>> {
        if plan.takes == Takes::Nothing {
            return None;
        }
        self.find_entry(key, now, plan).map(Known::Entry).or_else(|| {
            let error = self.errors.as_ref()?.find(key, now, plan.max_age)?;
            Some(Known::Error(error))
        })
    }

    fn find_entry(&self, key: &HashedKey<K>, now: Moment, plan: Plan) -> Option<Entry<V>> {
        let key = key.as_ref();
        // Asked first, since it leaves the store's policy alone: this request has looked once already.
        if !self.store.contains(key) {
            return None;
        }
        let entry = self.store.get(key)?;
        let answers = match self.policy.standing(Some(&entry), now, plan.max_age) {
            Standing::Fresh => true,
            Standing::Aging => plan.takes == Takes::Fresh,
            Standing::Absent | Standing::Stale | Standing::Expired => false,
        };
        answers.then_some(entry)
    }

    /// Ends a request with an entry that was found at `now`.
    pub(crate) fn answer_with(
        &self,
        hash: u64,
        mut request: OpenRequest<'_>,
        entry: Entry<V>,
        now: Moment,
        ending: Ending,
    ) -> V {
        if ending.result == RequestResult::Stale {
            self.recorder.stale(StaleEvent::Served, now.since(entry.fresh_until));
        }
        // What was left when a load failed saved no load.
        if matches!(ending.result, RequestResult::Hit | RequestResult::Stale) && ending.failure.is_none() {
            self.recorder.saved_load(entry.cost);
            if ending.tier == Tier::L1 {
                self.saw_hit(hash, &entry, now);
            }
        }
        request.aged(now.since(entry.stored_at));
        request.spared(entry.cost.duration());
        request.end(ending);
        entry.value
    }

    /// Ends a request with what it found instead of loading.
    pub(crate) fn settle_known(
        &self,
        key: &HashedKey<K>,
        request: OpenRequest<'_>,
        plan: Plan,
        known: Known<V, E>,
    ) -> Result<V, CallError<E>> {
        let ending = Ending::of(RequestResult::Hit);
        match known {
            Known::Entry(entry) => Ok(self.answer_with(key.hash(), request, entry, self.clock.now(), ending)),
            Known::Error(error) => self.settle(key, request, Plan { ending, ..plan }, &Err(error), None),
        }
    }

    /// Ends a request with what a load gave; where that is an error, with an entry past its time if one may do: of
    /// memory, or `spare`, which is the shared store's.
    pub(crate) fn settle(
        &self,
        key: &HashedKey<K>,
        request: OpenRequest<'_>,
        plan: Plan,
        answer: &Answer<V, E>,
        spare: Option<Entry<V>>,
    ) -> Result<V, CallError<E>> {
        let error = match answer {
            Ok(value) => {
                request.end(plan.ending);
                return Ok(value.clone());
            }
            Err(error) => error,
        };
        let now = self.clock.now();
        let ending = Ending::of(RequestResult::Stale).with_failure(Failure::Error);
        if let Some(entry) = self.last_good(key, plan, now) {
            return Ok(self.answer_with(key.hash(), request, entry, now, ending));
        }
        if let Some(entry) = spare {
            return Ok(self.answer_with(key.hash(), request, entry, now, ending.from_shared_store()));
        }
        request.end(plan.ending.with_failure(Failure::Error));
        Err(CallError::Load(Arc::clone(error)))
    }

    /// Whether an entry past its time may answer for a load that failed.
    pub(crate) fn may_serve_stale(&self, plan: Plan) -> bool {
        // Who left the cache aside wants nothing of it.
        self.policy.serves_stale_on_error() && plan.ending.result != RequestResult::Bypass
    }

    /// An entry past its time that may answer for a load that failed.
    fn last_good(&self, key: &HashedKey<K>, plan: Plan, now: Moment) -> Option<Entry<V>> {
        if !self.may_serve_stale(plan) {
            return None;
        }
        let may_answer = |entry: &Entry<V>| self.policy.is_better_than_an_error(entry, now, plan.max_age);
        self.store.get(key.as_ref()).filter(may_answer)
    }
}
