//! How a request that leads goes about a shared store: takes what that holds, or loads and stores there.

use std::sync::Arc;

use cachescope_core::{Ending, Entry, HashedKey, MissReason, Moment, RequestResult, Store};
use opentelemetry::trace::FutureExt as _;

use super::lease::Storing;
use super::seek::{Patience, Sought};
use crate::books::OpenRequest;
use crate::bounds::{CacheKey, CacheValue, LoadError};
use crate::engine::Engine;
use crate::error::CallError;
use crate::flight::Leader;
use crate::insight::Seen;
use crate::load::Landing;
use crate::miss::Plan;
use crate::policy::Standing;

/// How a key goes on that is to be loaded without waiting for other processes.
pub(crate) enum Led<'a, K: Eq, V, E> {
    Answered(V),
    Load(OpenRequest<'a>, Plan, Leader<K, V, E>, Storing),
    /// Another process loads it.
    Held(OpenRequest<'a>, Leader<K, V, E>),
}

impl<K: CacheKey, V: CacheValue, E: LoadError, S: Store<K, V>> Engine<K, V, E, S> {
    /// Gets the value of a key that nobody in this process loads.
    pub(crate) async fn lead(
        &self,
        key: &HashedKey<K>,
        mut request: OpenRequest<'_>,
        plan: Plan,
        leader: Leader<K, V, E>,
    ) -> Result<V, CallError<E>> {
        let Some((shared, name)) = self.shared_name(key) else {
            return self.load(key, request, plan, Landing::Leading(leader), Storing::Not).await;
        };
        self.begin_behind();
        let context = request.open(None).unwrap_or_default();
        let sought = self.seek(shared, key, &name, plan, Patience::Yes(&request)).with_context(context).await;
        match sought {
            Sought::Found { entry, standing, awaited } => {
                Ok(self.answer_with_shared(key, request, leader, entry, standing, awaited))
            }
            Sought::Load { reason, renews, storing } => {
                if let Some(entry) = self.outlived(key, plan, &storing) {
                    // It is in memory already, and isn't believed any longer than it was.
                    leader.land(Ok(entry.value.clone()), |_, _| ());
                    let now = self.clock.now();
                    return Ok(self.answer_with(key.hash(), request, entry, now, Ending::of(RequestResult::Hit)));
                }
                let plan = because(plan, reason, renews);
                self.load(key, request, plan, Landing::Leading(leader), storing).await
            }
            Sought::TimedOut { reason, renews } => {
                let Some(impatience) = &self.wait_error else {
                    let plan = because(plan, reason, renews);
                    return self.load(key, request, plan, Landing::Leading(leader), Storing::Not).await;
                };
                let plan = Plan { ending: Ending::of(RequestResult::Coalesced), ..plan };
                self.settle(key, request, plan, &Err(Arc::new(impatience())), None)
            }
            // It was to wait.
            Sought::Held => self.load(key, request, plan, Landing::Leading(leader), Storing::Not).await,
        }
    }

    /// The same without waiting for other processes, and without the load.
    pub(crate) async fn lead_if_free<'a>(
        &self,
        key: &HashedKey<K>,
        mut request: OpenRequest<'a>,
        plan: Plan,
        leader: Leader<K, V, E>,
    ) -> Led<'a, K, V, E> {
        let Some((shared, name)) = self.shared_name(key) else {
            return Led::Load(request, plan, leader, Storing::Not);
        };
        self.begin_behind();
        let context = request.open(None).unwrap_or_default();
        match self.seek(shared, key, &name, plan, Patience::No).with_context(context).await {
            Sought::Found { entry, standing, awaited } => {
                Led::Answered(self.answer_with_shared(key, request, leader, entry, standing, awaited))
            }
            Sought::Load { reason, renews, storing } => {
                Led::Load(request, because(plan, reason, renews), leader, storing)
            }
            Sought::Held | Sought::TimedOut { .. } => Led::Held(request, leader),
        }
    }

    /// Begins what goes on behind requests for as long as the cache is used.
    fn begin_behind(&self) {
        self.listen_behind();
        self.keep_up_behind();
    }

    /// Answers with what the shared store holds, has memory keep it, and renews it if it is time.
    fn answer_with_shared(
        &self,
        key: &HashedKey<K>,
        request: OpenRequest<'_>,
        leader: Leader<K, V, E>,
        entry: Entry<V>,
        standing: Standing,
        awaited: bool,
    ) -> V {
        let now = self.clock.now();
        self.take_over(leader, &entry);
        let result = match standing {
            _ if awaited => RequestResult::Coalesced,
            Standing::Stale => RequestResult::Stale,
            _ => RequestResult::Hit,
        };
        if matches!(standing, Standing::Aging | Standing::Stale) {
            self.renew_behind(key, &entry, &request);
        }
        self.answer_with(key.hash(), request, entry, now, Ending::of(result).from_shared_store())
    }

    /// Has those who wait for a key, and memory, have what the shared store holds of it.
    fn take_over(&self, leader: Leader<K, V, E>, entry: &Entry<V>) {
        let now = self.clock.now();
        let mut stored = None;
        leader.land(Ok(entry.value.clone()), |key, _| {
            stored = Some(key.hash());
            self.store.put(key.clone(), self.policy.in_memory(entry.clone(), now));
        });
        if let Some(hash) = stored {
            // To memory it is as if it had been loaded.
            self.saw(hash, now, Seen::LoadedAbsent { weight: entry.weight });
        }
    }

    /// What memory holds that is fresh by its own life, where the store can't be asked and the user wants it so.
    fn outlived(&self, key: &HashedKey<K>, plan: Plan, storing: &Storing) -> Option<Entry<V>> {
        let may = self.shared.as_ref().is_some_and(|shared| shared.settings.memory_outlives);
        if !may || !matches!(storing, Storing::Not) {
            return None;
        }
        let entry = self.store.get(key.as_ref())?;
        let standing = self.policy.true_standing(Some(&entry), self.clock.now(), plan.max_age);
        matches!(standing, Standing::Fresh | Standing::Aging).then_some(entry)
    }

    /// The right to load `key` behind requests, and what becomes of the value; `None` where another process does it, or
    /// has done it.
    pub(crate) async fn renewal(
        &self,
        key: &HashedKey<K>,
        plan: Plan,
        leader: Leader<K, V, E>,
    ) -> Option<(Leader<K, V, E>, Storing)> {
        let Some((shared, name)) = self.shared_name(key) else { return Some((leader, Storing::Not)) };
        match self.seek(shared, key, &name, plan, Patience::No).await {
            Sought::Load { storing, .. } => Some((leader, storing)),
            Sought::Found { entry, .. } => {
                self.take_over(leader, &entry);
                None
            }
            Sought::Held | Sought::TimedOut { .. } => None,
        }
    }
}

fn because(plan: Plan, reason: MissReason, renews: Option<Moment>) -> Plan {
    // A bypass has no reason.
    let ending = if plan.ending.result == RequestResult::Miss { Ending::miss(reason) } else { plan.ending };
    Plan { ending, renews: renews.or(plan.renews), ..plan }
}
