//! The attribute sets of one cache, made once: each is fixed, so that a series exists from the start.

use std::collections::BTreeMap;
use std::sync::Arc;

use opentelemetry::KeyValue;

use super::names::{attributes as names, error_types};
use super::registry::CAPACITY_MULTIPLES;
use crate::eviction::EvictionReason;
use crate::outcome::{
    Ending, Failure, LoadOutcome, LoadTrigger, Operation, RejectionReason, RequestResult, StaleEvent, StoreErrorKind,
    Tier, WaitOutcome, WaitScope,
};

/// Who the numbers are about. Caches of one name and kind of store in a process add up to one.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Identity {
    /// The cache's name.
    pub cache: String,
    /// The kind of store.
    pub store: &'static str,
    /// The type of error the wrapped function returns; `None` if it returns none.
    pub error_type: Option<&'static str>,
    /// What the user says of it, as further attributes.
    pub labels: Labels,
}

/// A cache's labels: names and values that the user gave it.
pub type Labels = BTreeMap<String, String>;

impl Identity {
    /// The attributes that everything of this cache carries.
    pub fn attributes(&self) -> impl Iterator<Item = KeyValue> {
        let ours = [KeyValue::new(names::CACHE_NAME, self.cache.clone()), KeyValue::new(names::STORE, self.store)];
        ours.into_iter().chain(self.labels())
    }

    fn labels(&self) -> impl Iterator<Item = KeyValue> {
        self.labels.iter().map(|(name, value)| KeyValue::new(name.clone(), value.clone()))
    }

    /// `error.type` of a failed request.
    pub(crate) fn failure(&self, failure: Failure) -> &'static str {
        match failure {
            Failure::Panic => error_types::PANIC,
            Failure::Error => self.error_type.unwrap_or("_OTHER"),
        }
    }

    /// What a request's counter and span say of its ending, on top of [`Identity::attributes`].
    pub fn ending(&self, ending: Ending) -> impl Iterator<Item = KeyValue> {
        [
            Some(KeyValue::new(names::RESULT, ending.result.as_str())),
            ending.reason.map(|reason| KeyValue::new(names::MISS_REASON, reason.as_str())),
            ending.failure.map(|failure| KeyValue::new(names::ERROR_TYPE, self.failure(failure))),
        ]
        .into_iter()
        .flatten()
    }

    /// `error.type` of a load, unless it returned a value.
    #[must_use]
    pub fn load_error(&self, outcome: LoadOutcome) -> Option<KeyValue> {
        let error_type = match outcome {
            LoadOutcome::Loaded => return None,
            LoadOutcome::Failed => self.failure(Failure::Error),
            LoadOutcome::Panicked => error_types::PANIC,
            LoadOutcome::Cancelled => error_types::CANCELLED,
        };
        Some(KeyValue::new(names::ERROR_TYPE, error_type))
    }
}

/// Every attribute set of one cache's metrics.
#[derive(Debug)]
pub(crate) struct AttributeSets {
    pub(crate) base: Vec<KeyValue>,
    pub(crate) endings: Vec<(Ending, Vec<KeyValue>)>,
    /// Empty where nobody counts evictions.
    pub(crate) evictions: Vec<(EvictionReason, Vec<KeyValue>)>,
    pub(crate) rejections: Vec<(RejectionReason, Vec<KeyValue>)>,
    /// Empty where no store is shared.
    pub(crate) store_errors: Vec<((Operation, StoreErrorKind), Vec<KeyValue>)>,
    /// Empty where nobody knows a curve.
    pub(crate) capacities: Vec<Vec<KeyValue>>,
    pub(crate) results: [Vec<KeyValue>; RequestResult::ALL.len()],
    pub(crate) operations: [[Vec<KeyValue>; Operation::ALL.len()]; Tier::ALL.len()],
    pub(crate) stale_events: [Vec<KeyValue>; StaleEvent::ALL.len()],
    pub(crate) waits: [[Vec<KeyValue>; WaitOutcome::ALL.len()]; WaitScope::ALL.len()],
    pub(crate) loads: [[Vec<KeyValue>; LoadOutcome::ALL.len()]; LoadTrigger::ALL.len()],
}

/// What a cache has that decides which series it has.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Kind {
    pub(crate) counts_evictions: bool,
    pub(crate) has_shared_store: bool,
    /// It remembers what has left, and knows its curve.
    pub(crate) has_insight: bool,
}

impl AttributeSets {
    pub(crate) fn of(identity: &Identity, kind: Kind) -> Self {
        let Kind { counts_evictions, has_shared_store, has_insight } = kind;
        // The SDK clones every set in every collection: one name for all of them, which clones without allocation.
        let shared = |text: &str| -> Arc<str> { text.into() };
        let ours = [(names::CACHE_NAME, shared(&identity.cache)), (names::STORE, shared(identity.store))];
        let ours = ours.map(|(name, value)| KeyValue::new(name, value)).into_iter();
        let theirs = identity.labels.iter().map(|(name, value)| KeyValue::new(shared(name), shared(value)));
        let base: Vec<KeyValue> = ours.chain(theirs).collect();
        let with = |more: &mut dyn Iterator<Item = KeyValue>| {
            let mut set: Vec<_> = base.iter().cloned().chain(more).collect();
            // A set that isn't in order takes two places in the SDK's tables.
            set.sort_unstable_by(|one, other| one.key.cmp(&other.key));
            set
        };
        // A cache that has but one store doesn't say which.
        let tier = |tier: Tier| has_shared_store.then(|| KeyValue::new(names::TIER, tier.as_str()));
        let ending_tier = |ending: Ending| {
            let answered = matches!(ending.result, RequestResult::Hit | RequestResult::Stale);
            tier(ending.tier).filter(|_| answered)
        };
        let one = |name: &'static str, value: &'static str| with(&mut std::iter::once(KeyValue::new(name, value)));
        Self {
            base: with(&mut std::iter::empty()),
            endings: Ending::all(identity.error_type.is_some())
                .filter(|ending| ending.can_occur(has_shared_store, has_insight))
                .map(|ending| (ending, with(&mut identity.ending(ending).chain(ending_tier(ending)))))
                .collect(),
            evictions: EvictionReason::ALL
                .into_iter()
                .filter(|_| counts_evictions)
                .map(|reason| (reason, one(names::EVICTION_REASON, reason.as_str())))
                .collect(),
            rejections: RejectionReason::ALL
                .into_iter()
                .filter(|reason| has_shared_store || !reason.is_of_shared_stores())
                .map(|reason| (reason, one(names::REJECTION_REASON, reason.as_str())))
                .collect(),
            store_errors: Operation::ALL
                .into_iter()
                .filter(|_| has_shared_store)
                .flat_map(|operation| StoreErrorKind::ALL.map(|kind| (operation, kind)))
                .map(|(operation, kind)| {
                    let said = [(names::OPERATION, operation.as_str()), (names::ERROR_TYPE, kind.as_str())];
                    let set = with(&mut said.into_iter().map(|(name, value)| KeyValue::new(name, value)));
                    ((operation, kind), set)
                })
                .collect(),
            capacities: CAPACITY_MULTIPLES
                .into_iter()
                .filter(|_| has_insight)
                .map(|multiple| {
                    with(&mut std::iter::once(KeyValue::new(names::CAPACITY_MULTIPLE, multiple.to_string())))
                })
                .collect(),
            results: RequestResult::ALL.map(|result| one(names::RESULT, result.as_str())),
            operations: Tier::ALL.map(|of| {
                Operation::ALL.map(|operation| {
                    // What never happens takes no room.
                    if !has_shared_store && (of == Tier::L2 || operation == Operation::Lease) {
                        return Vec::new();
                    }
                    let operation = KeyValue::new(names::OPERATION, operation.as_str());
                    with(&mut std::iter::once(operation).chain(tier(of)))
                })
            }),
            stale_events: StaleEvent::ALL.map(|event| one(names::STALE_EVENT, event.as_str())),
            waits: WaitScope::ALL.map(|scope| {
                WaitOutcome::ALL.map(|outcome| {
                    if !has_shared_store && scope == WaitScope::Store {
                        return Vec::new();
                    }
                    let said = [(names::WAIT_OUTCOME, outcome.as_str()), (names::WAIT_SCOPE, scope.as_str())];
                    with(&mut said.into_iter().map(|(name, value)| KeyValue::new(name, value)))
                })
            }),
            loads: LoadTrigger::ALL.map(|trigger| {
                LoadOutcome::ALL.map(|outcome| {
                    let trigger = KeyValue::new(names::LOAD_TRIGGER, trigger.as_str());
                    with(&mut std::iter::once(trigger).chain(identity.load_error(outcome)))
                })
            }),
        }
    }
}
