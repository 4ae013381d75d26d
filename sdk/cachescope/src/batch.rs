//! Many keys at once: one load for all that are missing, each key a request of its own.

use std::collections::{HashMap, HashSet};
use std::pin::Pin;
use std::sync::Arc;

use cachescope_core::{Ending, Failure, HashedKey, RequestResult, Store};
use futures_util::future::{join, join_all};

use crate::books::OpenRequest;
use crate::bounds::{CacheKey, CacheValue, LoadError};
use crate::engine::Engine;
use crate::error::CallError;
use crate::flight::{Joined, Leader};
use crate::load::{Landing, outcome_of};
use crate::loader::Loader;
use crate::miss::{Begun, Plan};
#[cfg(feature = "shared")]
use crate::shared::Led;
use crate::shared::Storing;

/// Loads many keys at once.
pub(crate) type BatchLoader<K, V, E> = Loader<Vec<K>, Vec<(K, V)>, E>;

/// How one key was answered.
type Answered<K, V, E> = (HashedKey<K>, Result<V, CallError<E>>);

/// One key on its own.
type Single<'a, K, V, E> = Pin<Box<dyn Future<Output = Answered<K, V, E>> + Send + 'a>>;

/// What is asked for together, once each key's look-up is over.
struct Batch<'a, K: Eq, V, E> {
    answered: Vec<Answered<K, V, E>>,
    /// To be loaded, and stored.
    led: Vec<Member<'a, K, V, E>>,
    /// To be loaded, and not stored.
    aside: Vec<Member<'a, K, V, E>>,
    /// Loaded by others, or each by itself.
    singles: Vec<Single<'a, K, V, E>>,
}

/// One key of a batch's load.
struct Member<'a, K: Eq, V, E> {
    key: HashedKey<K>,
    request: OpenRequest<'a>,
    plan: Plan,
    leader: Option<Leader<K, V, E>>,
    storing: Storing,
}

impl<K: CacheKey, V: CacheValue, E: LoadError, S: Store<K, V>> Engine<K, V, E, S> {
    /// The values of `keys`, without those that the batch loader gave none for.
    pub(crate) async fn get_many(&self, keys: HashSet<K>) -> Result<HashMap<K, V>, CallError<E>> {
        let batch = self.look_up_all(keys);
        #[cfg(feature = "shared")]
        let batch = self.seek_all(batch).await;
        let Batch { answered, led, aside, singles } = batch;
        // Side by side: whoever waits for another's batch may be waited for by that one.
        let loading = async { (self.load_all(led).await, self.load_all(aside).await) };
        let ((led, aside), singles) = join(loading, join_all(singles)).await;
        let all = answered.into_iter().chain(led).chain(aside).chain(singles);
        all.map(|(key, answer)| Ok((key.into_key(), answer?))).collect()
    }

    fn look_up_all(&self, keys: HashSet<K>) -> Batch<'_, K, V, E> {
        let (led, aside, singles) = (Vec::new(), Vec::new(), Vec::new());
        let mut batch = Batch { answered: Vec::with_capacity(keys.len()), led, aside, singles };
        for key in keys {
            let key = HashedKey::new(self.hash(&key), key);
            let begun = match self.look_up(key.as_ref()) {
                Ok(value) => Begun::Answered(value),
                Err(missed) => self.begin(&key, missed),
            };
            match begun {
                Begun::Answered(value) => batch.answered.push((key, Ok(value))),
                Begun::Aside(request, plan) if self.batch_loader.is_some() => {
                    batch.aside.push(Member { key, request, plan, leader: None, storing: Storing::Not });
                }
                Begun::Aside(request, plan) => batch.singles.push(Box::pin(async move {
                    let answer = self.load(&key, request, plan, Landing::Nowhere, Storing::Not).await;
                    (key, answer)
                })),
                Begun::Open(request, plan) => match self.join(&key, plan, self.clock.now()) {
                    Joined::Leader(leader) if self.batch_loader.is_some() => {
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

    /// Looks for the keys that are to be loaded in the shared store, all at a time; those that other processes load are
    /// loaded each by itself, should it come to that.
    #[cfg(feature = "shared")]
    async fn seek_all<'a>(&'a self, mut batch: Batch<'a, K, V, E>) -> Batch<'a, K, V, E> {
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

    /// Loads keys that nobody else loads, in one run of the batch loader. The first one's request is the one that
    /// runs it; the others are answered by that.
    async fn load_all(&self, mut members: Vec<Member<'_, K, V, E>>) -> Vec<Answered<K, V, E>> {
        let (Some(first), Some(loader)) = (members.first_mut(), &self.batch_loader) else { return Vec::new() };
        let place = self.place(Some(&first.request)).await;
        let load = first.request.load(first.plan.ending.reason);
        let span = load.span();
        for member in members.iter_mut().skip(1) {
            member.request.led_by(span.clone());
            member.plan.ending = Ending::of(RequestResult::Coalesced);
        }
        for (leader, span) in members.iter().filter_map(|member| member.leader.as_ref().zip(span.clone())) {
            leader.runs_in(span);
        }
        let keys = members.iter().map(|member| member.key.key().clone()).collect();
        let ended = loader.start(keys, load.context(), place).await;
        // What each key's value cost is its share.
        let cost = load.cost() / u32::try_from(members.len()).unwrap_or(u32::MAX);
        load.end(outcome_of(&ended));
        let mut loaded = match ended {
            Ok(loaded) => loaded.map(HashMap::<K, V>::from_iter).map_err(Arc::new),
            Err(panic) => {
                // It is the first one's; the others have no answer, and who waits for any of them joins anew.
                let Member { request, plan, .. } = members.swap_remove(0);
                request.end(plan.ending.with_failure(Failure::Panic));
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
                // Loaded, and there is no value: who waits for this key joins anew, and asks for it by itself.
                request.end(plan.ending);
                return None;
            };
            let landing = leader.map_or(Landing::Nowhere, Landing::Leading);
            Some(async move {
                let answer = self.land(&key, plan, cost, answer, landing, storing).await;
                let spare = self.spare_for(&key, plan, &answer).await;
                let answer = self.settle(&key, request, plan, &answer, spare);
                (key, answer)
            })
        });
        join_all(answers).await
    }
}
