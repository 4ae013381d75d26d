//! The attribute sets of a cache. They are created once, and each series exists from the start.

use std::sync::Arc;

use cachescope_core::{
    CacheIdentity, EvictionReason, Failure, LoadOutcome, LoadTrigger, Operation, RejectionReason, RequestOutcome,
    RequestResult, StaleEvent, StoreErrorKind, Tier, WaitOutcome, WaitScope,
};
use opentelemetry::KeyValue;

use crate::names::{attributes as names, error_types};

/// The multiples of the current capacity for which the hit ratio is estimated.
pub const CAPACITY_MULTIPLES: [f64; 6] = [0.25, 0.5, 1.0, 2.0, 4.0, 8.0];

/// The attributes of a cache in metrics and spans. Implemented for [`CacheIdentity`] alone.
pub trait IdentityAttributes {
    /// Returns the attributes that every metric and span of this cache carries.
    fn attributes(&self) -> impl Iterator<Item = KeyValue>;

    /// Returns the attributes of a request's outcome, for its counter and span, in addition to
    /// [`IdentityAttributes::attributes`].
    fn outcome(&self, outcome: RequestOutcome) -> impl Iterator<Item = KeyValue>;

    /// Returns `error.type` of a load; `None` if the load returned a value.
    fn load_error(&self, outcome: LoadOutcome) -> Option<KeyValue>;
}

/// Returns `error.type` of a failed request.
fn error_type(identity: &CacheIdentity, failure: Failure) -> &'static str {
    match failure {
        Failure::Panic => error_types::PANIC,
        _ => identity.error_type.unwrap_or("_OTHER"),
    }
}

impl IdentityAttributes for CacheIdentity {
    fn attributes(&self) -> impl Iterator<Item = KeyValue> {
        let own = [KeyValue::new(names::CACHE_NAME, self.name.clone()), KeyValue::new(names::STORE, self.store)];
        own.into_iter().chain(labels(self))
    }

    fn outcome(&self, outcome: RequestOutcome) -> impl Iterator<Item = KeyValue> {
        [
            Some(KeyValue::new(names::RESULT, outcome.result.as_str())),
            outcome.reason.map(|reason| KeyValue::new(names::MISS_REASON, reason.as_str())),
            outcome.failure.map(|failure| KeyValue::new(names::ERROR_TYPE, error_type(self, failure))),
        ]
        .into_iter()
        .flatten()
    }

    fn load_error(&self, outcome: LoadOutcome) -> Option<KeyValue> {
        let error_type = match outcome {
            LoadOutcome::Loaded => return None,
            LoadOutcome::Failed => error_type(self, Failure::Error),
            LoadOutcome::Panicked => error_types::PANIC,
            _ => error_types::CANCELLED,
        };
        Some(KeyValue::new(names::ERROR_TYPE, error_type))
    }
}

fn labels(identity: &CacheIdentity) -> impl Iterator<Item = KeyValue> {
    identity.labels.iter().map(|(name, value)| KeyValue::new(name.clone(), value.clone()))
}

/// All attribute sets of one cache's metrics.
#[derive(Debug)]
pub(crate) struct CacheAttributeSets {
    pub(crate) base: Vec<KeyValue>,
    pub(crate) outcomes: Vec<(RequestOutcome, Vec<KeyValue>)>,
    /// Empty if evictions aren't counted.
    pub(crate) evictions: Vec<(EvictionReason, Vec<KeyValue>)>,
    pub(crate) rejections: Vec<(RejectionReason, Vec<KeyValue>)>,
    /// Empty if the cache has no shared store.
    pub(crate) store_errors: Vec<((Operation, StoreErrorKind), Vec<KeyValue>)>,
    /// Empty if the cache has no hit-ratio curve.
    pub(crate) capacities: Vec<Vec<KeyValue>>,
    pub(crate) results: [Vec<KeyValue>; RequestResult::ALL.len()],
    pub(crate) operations: [[Vec<KeyValue>; Operation::ALL.len()]; Tier::ALL.len()],
    pub(crate) stale_events: [Vec<KeyValue>; StaleEvent::ALL.len()],
    pub(crate) waits: [[Vec<KeyValue>; WaitOutcome::ALL.len()]; WaitScope::ALL.len()],
    pub(crate) loads: [[Vec<KeyValue>; LoadOutcome::ALL.len()]; LoadTrigger::ALL.len()],
}

/// The features of a cache that decide which series it has.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct CacheFeatures {
    pub(crate) counts_evictions: bool,
    pub(crate) has_shared_store: bool,
    /// Whether the cache remembers removed keys and has a hit-ratio curve.
    pub(crate) has_insight: bool,
}

impl CacheAttributeSets {
    pub(crate) fn new(identity: &CacheIdentity, features: CacheFeatures) -> Self {
        let CacheFeatures { counts_evictions, has_shared_store, has_insight } = features;
        // The SDK clones every set in every collection. The values are shared, so that a clone doesn't allocate.
        let shared = |text: &str| -> Arc<str> { text.into() };
        let own = [(names::CACHE_NAME, shared(&identity.name)), (names::STORE, shared(identity.store))];
        let own = own.map(|(name, value)| KeyValue::new(name, value)).into_iter();
        let labels = identity.labels.iter().map(|(name, value)| KeyValue::new(shared(name), shared(value)));
        let base: Vec<KeyValue> = own.chain(labels).collect();
        let with = |more: &mut dyn Iterator<Item = KeyValue>| {
            let mut set: Vec<_> = base.iter().cloned().chain(more).collect();
            // A set that isn't sorted takes two entries in the SDK's tables.
            set.sort_unstable_by(|one, other| one.key.cmp(&other.key));
            set
        };
        // A cache with one store has no tier attribute.
        let tier = |tier: Tier| has_shared_store.then(|| KeyValue::new(names::TIER, tier.as_str()));
        let outcome_tier = |outcome: RequestOutcome| {
            let answered = matches!(outcome.result, RequestResult::Hit | RequestResult::Stale);
            tier(outcome.tier).filter(|_| answered)
        };
        let one = |name: &'static str, value: &'static str| with(&mut std::iter::once(KeyValue::new(name, value)));
        Self {
            base: with(&mut std::iter::empty()),
            outcomes: RequestOutcome::all(identity.error_type.is_some())
                .filter(|outcome| outcome.can_occur(has_shared_store, has_insight))
                .map(|outcome| (outcome, with(&mut identity.outcome(outcome).chain(outcome_tier(outcome)))))
                .collect(),
            evictions: EvictionReason::ALL
                .into_iter()
                .filter(|_| counts_evictions)
                .map(|reason| (reason, one(names::EVICTION_REASON, reason.as_str())))
                .collect(),
            rejections: RejectionReason::ALL
                .into_iter()
                .filter(|reason| has_shared_store || !reason.requires_shared_store())
                .map(|reason| (reason, one(names::REJECTION_REASON, reason.as_str())))
                .collect(),
            store_errors: Operation::ALL
                .into_iter()
                .filter(|_| has_shared_store)
                .flat_map(|operation| StoreErrorKind::ALL.map(|kind| (operation, kind)))
                .map(|(operation, kind)| {
                    let pairs = [(names::OPERATION, operation.as_str()), (names::ERROR_TYPE, kind.as_str())];
                    let set = with(&mut pairs.into_iter().map(|(name, value)| KeyValue::new(name, value)));
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
                    // No set for operations that never happen.
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
                    let pairs = [(names::WAIT_OUTCOME, outcome.as_str()), (names::WAIT_SCOPE, scope.as_str())];
                    with(&mut pairs.into_iter().map(|(name, value)| KeyValue::new(name, value)))
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
