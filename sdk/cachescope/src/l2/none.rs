//! The shared tier of a build without the feature `shared`: there is none, so every operation is a no-op.

use std::convert::Infallible;
use std::marker::PhantomData;
use std::sync::Arc;
use std::time::Duration;

use cachescope_core::{ConfigError, Entry, HashedKey, IntoStore, RejectionReason, Store, StoreUsage};

use crate::engine::Engine;
use crate::engine::background::Runs;
use crate::engine::bounds::{CacheKey, CacheValue, LoadError};
use crate::engine::freshness::Policy;
use crate::engine::memory::Prepared;
use crate::engine::plan::{Landing, Missed, Plan};
use crate::engine::single_flight::{Answer, Leader};
use crate::error::CallError;
use crate::insight::L2View;
use crate::telemetry::guards::RequestGuard;

/// A shared tier, which can't exist in this build.
pub(crate) struct SharedTier<K, V> {
    never: Infallible,
    _types: PhantomData<fn(K) -> V>,
}

impl<K, V> SharedTier<K, V> {
    pub(crate) fn kind(&self) -> &'static str {
        match self.never {}
    }

    pub(crate) fn view(&self, _: Option<Duration>) -> L2View {
        match self.never {}
    }
}

/// Whether a loaded value is written to the shared store.
pub(crate) enum Storing {
    Not,
}

/// The next step for a key that must be loaded without a wait for other processes.
#[expect(dead_code, reason = "without a shared store every key is loaded here")]
pub(crate) enum Led<'a, K: Eq, V, E> {
    Answered(V),
    Load(RequestGuard<'a>, Plan, Leader<K, V, E>, Storing),
    Held(RequestGuard<'a>, Leader<K, V, E>),
}

/// No shared tier, and the policy unchanged.
pub(crate) type Built<K, V> = (Option<Arc<SharedTier<K, V>>>, Policy<V>);

/// Creates no shared tier.
pub(crate) fn build<K, V, C: IntoStore<K, V>>(
    _: &mut C,
    _: &str,
    _: Option<Duration>,
    _: Runs,
    policy: Policy<V>,
) -> Result<Built<K, V>, ConfigError> {
    Ok((None, policy))
}

impl<K: CacheKey, V: CacheValue, E: LoadError, S: Store<K, V>> Engine<K, V, E, S> {
    pub(crate) async fn lead(
        &self,
        key: &HashedKey<K>,
        request: RequestGuard<'_>,
        plan: Plan,
        leader: Leader<K, V, E>,
    ) -> Result<V, CallError<E>> {
        self.load(key, request, plan, Landing::Leading(leader), Storing::Not).await
    }

    pub(crate) async fn lead_if_free<'a>(
        &self,
        _: &HashedKey<K>,
        request: RequestGuard<'a>,
        plan: Plan,
        leader: Leader<K, V, E>,
    ) -> Led<'a, K, V, E> {
        Led::Load(request, plan, leader, Storing::Not)
    }

    pub(crate) async fn lease_for_refresh(
        &self,
        _: &HashedKey<K>,
        _: Plan,
        leader: Leader<K, V, E>,
    ) -> Option<(Leader<K, V, E>, Storing)> {
        Some((leader, Storing::Not))
    }

    pub(crate) async fn look_in_l2(&self, key: &HashedKey<K>, missed: Missed<V>, _: Plan) -> Option<V> {
        self.finish_lookup(key.hash(), missed)
    }

    pub(crate) async fn stale_on_error_from_l2(&self, _: &HashedKey<K>, _: Plan) -> Option<Entry<V>> {
        None
    }

    pub(crate) async fn store_in_l2(
        &self,
        _: &HashedKey<K>,
        _: &Answer<V, E>,
        _: Duration,
        _: Storing,
    ) -> Option<Result<Prepared<V>, RejectionReason>> {
        None
    }

    pub(crate) fn put_in_l2(&self, _: &HashedKey<K>, _: &Entry<V>) {}

    pub(crate) fn remove_from_l2(&self, _: Option<String>) {}

    pub(crate) fn remove_key_from_l2(&self, _: &K) {}

    pub(crate) fn clear_l2(&self) {}

    pub(crate) fn has_memory(&self) -> bool {
        true
    }

    pub(crate) fn l2_usage(&self) -> Option<StoreUsage> {
        None
    }
}
