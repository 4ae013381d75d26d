//! Requests for many keys: one load for all missing keys, and one request per key.

use std::collections::{HashMap, HashSet};
use std::pin::Pin;
use std::sync::Arc;

use cachescope_core::{Failure, HashedKey, RequestOutcome, RequestResult, Store};
use futures_util::future::{join, join_all};

use crate::engine::Engine;
use crate::engine::bounds::{CacheKey, CacheValue, LoadError};
use crate::engine::load::outcome_of;
use crate::engine::loader::Loader;
use crate::engine::plan::{Landing, Plan, Started};
use crate::engine::single_flight::{Joined, Leader};
use crate::error::CallError;
use crate::l2::{Led, Storing};
use crate::telemetry::guards::RequestGuard;

/// The loader of many keys.
pub(crate) type BatchLoader<K, V, E> = Loader<Vec<K>, Vec<(K, V)>, E>;

/// The answer of one key.
type Answered<K, V, E> = (HashedKey<K>, Result<V, CallError<E>>);

/// The pending answer of one key that is loaded separately.
type Single<'a, K, V, E> = Pin<Box<dyn Future<Output = Answered<K, V, E>> + Send + 'a>>;

/// The keys of one call, after their lookups.
struct Batch<'a, K: Eq, V, E> {
    answered: Vec<Answered<K, V, E>>,
    /// Keys to load and to store.
    led: Vec<Member<'a, K, V, E>>,
    /// Keys to load without storing.
    uncached: Vec<Member<'a, K, V, E>>,
    /// Keys that other requests load, or that are loaded one by one.
    singles: Vec<Single<'a, K, V, E>>,
}

/// One key of a batch load.
struct Member<'a, K: Eq, V, E> {
    key: HashedKey<K>,
    request: RequestGuard<'a>,
    plan: Plan,
    leader: Option<Leader<K, V, E>>,
    storing: Storing,
}

impl<K: CacheKey, V: CacheValue, E: LoadError, S: Store<K, V>> Engine<K, V, E, S> {
    /// Returns the values of `keys`, without the keys that the batch loader returned no value for.
    pub(crate) async fn get_many(&self, keys: HashSet<K>) -> Result<HashMap<K, V>, CallError<E>> {
        let batch = self.look_up_all(keys);
        let batch = if self.l2.is_some() { self.look_up_all_in_l2(batch).await } else { batch };
        let Batch { answered, led, uncached, singles } = batch;
        // Concurrently: a request that this call waits for may itself wait for this call's batch.
        let loading = async { (self.load_all(led).await, self.load_all(uncached).await) };
        let ((led, uncached), singles) = join(loading, join_all(singles)).await;
        let all = answered.into_iter().chain(led).chain(uncached).chain(singles);
        all.map(|(key, answer)| Ok((key.into_key(), answer?))).collect()
    }

    fn look_up_all(&self, keys: HashSet<K>) -> Batch<'_, K, V, E> {
        let (led, uncached, singles) = (Vec::new(), Vec::new(), Vec::new());
        let mut batch = Batch { answered: Vec::with_capacity(keys.len()), led, uncached, singles };
        for key in keys {
            let key = HashedKey::new(self.memory.hash(&key), key);
            let started = match self.look_up(key.as_ref()) {
                Ok(value) => Started::Answered(value),
                Err(missed) => self.begin(&key, missed),
            };
            match started {
                Started::Answered(value) => batch.answered.push((key, Ok(value))),
                Started::Uncached(request, plan) if self.loading.batch_loader.is_some() => {
                    batch.uncached.push(Member { key, request, plan, leader: None, storing: Storing::Not });
                }
                Started::Uncached(request, plan) => batch.singles.push(Box::pin(async move {
                    let answer = self.load(&key, request, plan, Landing::Detached, Storing::Not).await;
                    (key, answer)
                })),
                Started::Open(request, plan) => match self.join(&key, plan, self.clock.now()) {
                    Joined::Leader(leader) if self.loading.batch_loader.is_some() => {
                        batch.led.push(Member { key, request, plan, leader: Some(leader), storing: Storing::Not });
                    }
                    part => batch.singles.push(Box::pin(async move {
                        let answer = self.obtain(&key, request, plan, part).await;
                        (key, answer)
                    })),
                },
            }
        }
        batch
    }

    /// Looks up the missing keys in the shared store, all at the same time. Keys that other processes load are loaded
    /// one by one.
    async fn look_up_all_in_l2<'a>(&'a self, mut batch: Batch<'a, K, V, E>) -> Batch<'a, K, V, E> {
        let led =
            std::mem::take(&mut batch.led).into_iter().filter_map(|Member { key, request, plan, leader, .. }| {
                let leader = leader?;
                Some(async move {
                    let led = self.lead_if_free(&key, request, plan, leader).await;
                    (key, plan, led)
                })
            });
        for (key, plan, led) in join_all(led).await {
            match led {
                Led::Answered(value) => batch.answered.push((key, Ok(value))),
                Led::Load(request, plan, leader, storing) => {
                    batch.led.push(Member { key, request, plan, leader: Some(leader), storing });
                }
                Led::Held(request, leader) => batch.singles.push(Box::pin(async move {
                    let answer = self.lead(&key, request, plan, leader).await;
                    (key, answer)
                })),
            }
        }
        batch
    }

    /// Loads keys that no other request loads, in one run of the batch loader. The request of the first key runs it;
    /// the others are coalesced with it.
    async fn load_all(&self, mut members: Vec<Member<'_, K, V, E>>) -> Vec<Answered<K, V, E>> {
        let (Some(first), Some(loader)) = (members.first_mut(), &self.loading.batch_loader) else { return Vec::new() };
        let place = self.loading.place(&self.clock, Some(&first.request)).await;
        let load = first.request.load(first.plan.outcome.reason);
        let span = load.span();
        for member in members.iter_mut().skip(1) {
            member.request.record_leader(span.clone());
            member.plan.outcome = RequestOutcome::new(RequestResult::Coalesced);
        }
        for (leader, span) in members.iter().filter_map(|member| member.leader.as_ref().zip(span.clone())) {
            leader.runs_in(span);
        }
        let keys = members.iter().map(|member| member.key.key().clone()).collect();
        let ended = loader.start(keys, load.context(), place).await;
        // Each key's share of the load time.
        let cost = load.cost() / u32::try_from(members.len()).unwrap_or(u32::MAX);
        load.end(outcome_of(&ended));
        let mut loaded = match ended {
            Ok(loaded) => loaded.map(HashMap::<K, V>::from_iter).map_err(Arc::new),
            Err(panic) => {
                // The panic belongs to the first key's request. The others end without an answer, and their followers
                // join again.
                let Member { request, plan, .. } = members.swap_remove(0);
                request.end(plan.outcome.with_failure(Failure::Panic));
                drop(members);
                std::panic::resume_unwind(panic)
            }
        };
        let answers = members.into_iter().filter_map(|Member { key, request, plan, leader, storing }| {
            let answer = match &mut loaded {
                Ok(values) => values.remove(key.key()).map(Ok),
                Err(error) => Some(Err(Arc::clone(error))),
            };
            let Some(answer) = answer else {
                // The loader returned no value for the key: its followers join again, each for itself.
                request.end(plan.outcome);
                return None;
            };
            let landing = leader.map_or(Landing::Detached, Landing::Leading);
            Some(async move {
                let answer = self.land(&key, plan, cost, answer, landing, storing).await;
                let l2_entry = self.l2_stale_on_error(&key, plan, &answer).await;
                let answer = self.settle(&key, request, plan, &answer, l2_entry);
                (key, answer)
            })
        });
        join_all(answers).await
    }
}
