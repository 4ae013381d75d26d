//! The leader of a key in front of a shared store: it takes the entry of the store, or loads and stores there.

use std::sync::Arc;

use cachescope_core::{Entry, HashedKey, MissReason, RequestOutcome, RequestResult, Store, Timestamp};
use opentelemetry::trace::FutureExt as _;

use super::lease::Storing;
use super::lookup::{LookupOutcome, WaitPolicy};
use crate::engine::Engine;
use crate::engine::bounds::{CacheKey, CacheValue, LoadError};
use crate::engine::freshness::Freshness;
use crate::engine::plan::Landing;
use crate::engine::plan::Plan;
use crate::engine::single_flight::Leader;
use crate::error::CallError;
use crate::insight::KeyEvent;
use crate::telemetry::guards::RequestGuard;

/// The next step for a key that is loaded without waiting for other processes.
pub(crate) enum Led<'a, K: Eq, V, E> {
    Answered(V),
    Load(RequestGuard<'a>, Plan, Leader<K, V, E>, Storing),
    /// Another process loads the key.
    Held(RequestGuard<'a>, Leader<K, V, E>),
}

impl<K: CacheKey, V: CacheValue, E: LoadError, S: Store<K, V>> Engine<K, V, E, S> {
    /// Gets the value of a key that no other request of this process loads.
    pub(crate) async fn lead(
        &self,
        key: &HashedKey<K>,
        mut request: RequestGuard<'_>,
        plan: Plan,
        leader: Leader<K, V, E>,
    ) -> Result<V, CallError<E>> {
        let Some((shared, name)) = self.shared_name(key) else {
            return self.load(key, request, plan, Landing::Leading(leader), Storing::Not).await;
        };
        self.start_background_tasks();
        let context = request.open(None).unwrap_or_default();
        let sought = self.lookup(shared, key, &name, plan, WaitPolicy::Yes(&request)).with_context(context).await;
        match sought {
            LookupOutcome::Found { entry, freshness, awaited } => {
                Ok(self.answer_with_shared(key, request, leader, entry, freshness, awaited))
            }
            LookupOutcome::Load { reason, replaces, storing } => {
                if let Some(entry) = self.outlived(key, plan, &storing) {
                    // The entry is in memory already, and its memory TTL isn't extended.
                    leader.land(Ok(entry.value.clone()), |_, _| ());
                    let now = self.clock.now();
                    return Ok(self.answer_with(
                        key.hash(),
                        request,
                        entry,
                        now,
                        RequestOutcome::new(RequestResult::Hit),
                    ));
                }
                let plan = because(plan, reason, replaces);
                self.load(key, request, plan, Landing::Leading(leader), storing).await
            }
            LookupOutcome::TimedOut { reason, replaces } => {
                let Some(timeout_error) = &self.loading.wait_error else {
                    let plan = because(plan, reason, replaces);
                    return self.load(key, request, plan, Landing::Leading(leader), Storing::Not).await;
                };
                let plan = Plan { outcome: RequestOutcome::new(RequestResult::Coalesced), ..plan };
                self.settle(key, request, plan, &Err(Arc::new(timeout_error())), None)
            }
            // Unreachable: this lookup waits.
            LookupOutcome::Held => self.load(key, request, plan, Landing::Leading(leader), Storing::Not).await,
        }
    }

    /// Takes the entry of the shared store, or the right to load. Neither waits for other processes nor loads.
    pub(crate) async fn lead_if_free<'a>(
        &self,
        key: &HashedKey<K>,
        mut request: RequestGuard<'a>,
        plan: Plan,
        leader: Leader<K, V, E>,
    ) -> Led<'a, K, V, E> {
        let Some((shared, name)) = self.shared_name(key) else {
            return Led::Load(request, plan, leader, Storing::Not);
        };
        self.start_background_tasks();
        let context = request.open(None).unwrap_or_default();
        match self.lookup(shared, key, &name, plan, WaitPolicy::No).with_context(context).await {
            LookupOutcome::Found { entry, freshness, awaited } => {
                Led::Answered(self.answer_with_shared(key, request, leader, entry, freshness, awaited))
            }
            LookupOutcome::Load { reason, replaces, storing } => {
                Led::Load(request, because(plan, reason, replaces), leader, storing)
            }
            LookupOutcome::Held | LookupOutcome::TimedOut { .. } => Led::Held(request, leader),
        }
    }

    /// Starts the background tasks of the shared store, which run while the cache is used.
    fn start_background_tasks(&self) {
        self.start_listener();
        self.start_maintenance();
    }

    /// Answers with an entry of the shared store, keeps it in memory, and refreshes it if a refresh is due.
    fn answer_with_shared(
        &self,
        key: &HashedKey<K>,
        request: RequestGuard<'_>,
        leader: Leader<K, V, E>,
        entry: Entry<V>,
        freshness: Freshness,
        awaited: bool,
    ) -> V {
        let now = self.clock.now();
        self.take_over(leader, &entry);
        let result = match freshness {
            _ if awaited => RequestResult::Coalesced,
            Freshness::Stale => RequestResult::Stale,
            _ => RequestResult::Hit,
        };
        if matches!(freshness, Freshness::Aging | Freshness::Stale) {
            self.refresh_in_background(key, &entry, &request);
        }
        self.answer_with(key.hash(), request, entry, now, RequestOutcome::new(result).served_by_shared_store())
    }

    /// Gives an entry of the shared store to the followers and to memory.
    fn take_over(&self, leader: Leader<K, V, E>, entry: &Entry<V>) {
        let now = self.clock.now();
        let mut stored = None;
        leader.land(Ok(entry.value.clone()), |key, _| {
            stored = Some(key.hash());
            self.memory.store.put(key.clone(), self.memory.policy.in_memory(entry.clone(), now));
        });
        if let Some(hash) = stored {
            // For memory, this is a load.
            self.record_key_event(hash, now, KeyEvent::LoadedAbsent { weight: entry.weight });
        }
    }

    /// Returns an entry in memory that is fresh by its own TTL, where the store can't be called and the user wants
    /// this.
    fn outlived(&self, key: &HashedKey<K>, plan: Plan, storing: &Storing) -> Option<Entry<V>> {
        let may = self.l2.as_ref().is_some_and(|shared| shared.settings.serve_memory_on_store_error);
        if !may || !matches!(storing, Storing::Not) {
            return None;
        }
        let entry = self.memory.store.get(key.as_ref())?;
        let freshness = self.memory.policy.freshness_by_age(Some(&entry), self.clock.now(), plan.max_age);
        matches!(freshness, Freshness::Fresh | Freshness::Aging).then_some(entry)
    }

    /// Takes the lease for a background refresh; `None` if another process refreshes the key, or has refreshed it.
    pub(crate) async fn lease_for_refresh(
        &self,
        key: &HashedKey<K>,
        plan: Plan,
        leader: Leader<K, V, E>,
    ) -> Option<(Leader<K, V, E>, Storing)> {
        let Some((shared, name)) = self.shared_name(key) else { return Some((leader, Storing::Not)) };
        match self.lookup(shared, key, &name, plan, WaitPolicy::No).await {
            LookupOutcome::Load { storing, .. } => Some((leader, storing)),
            LookupOutcome::Found { entry, .. } => {
                self.take_over(leader, &entry);
                None
            }
            LookupOutcome::Held | LookupOutcome::TimedOut { .. } => None,
        }
    }
}

fn because(plan: Plan, reason: MissReason, replaces: Option<Timestamp>) -> Plan {
    // A bypass has no miss reason.
    let ending = if plan.outcome.result == RequestResult::Miss { RequestOutcome::miss(reason) } else { plan.outcome };
    Plan { outcome: ending, replaces: replaces.or(plan.replaces), ..plan }
}
