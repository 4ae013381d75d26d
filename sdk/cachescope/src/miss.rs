//! How a request goes on that a hit wasn't all of: it leads a load, follows one, or takes what is stale.

use std::sync::Arc;
use std::time::Duration;

use cachescope_core::{Ending, Entry, HashedKey, MissReason, Moment, RequestResult, Store, WaitOutcome, WaitScope};

use crate::answer::Known;
use crate::books::OpenRequest;
use crate::bounds::{CacheKey, CacheValue, LoadError};
use crate::engine::Engine;
use crate::error::CallError;
use crate::flight::{Answer, Arrival, Follower, Joined, StandIn};
use crate::insight::Seen;
use crate::load::Landing;
use crate::look_up::Missed;
use crate::policy::{Decision, Mode, Standing, Wishes, decide};
use crate::shared::Storing;
use crate::switch;

/// What a request that isn't answered yet takes, and how it ends if it loads.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Plan {
    pub(crate) ending: Ending,
    /// Nothing older.
    pub(crate) max_age: Option<Duration>,
    pub(crate) takes: Takes,
    /// Until when the entry was fresh that a load takes the place of.
    pub(crate) renews: Option<Moment>,
}

impl Plan {
    /// That of a load behind a request, which finds nothing to do if the entry has been renewed already.
    pub(crate) fn renewal<V>(entry: &Entry<V>) -> Self {
        let ending = Ending::of(RequestResult::Stale);
        Self { ending, max_age: None, takes: Takes::Renewed, renews: Some(entry.fresh_until) }
    }

    /// What its load is to those who watch the key, if the value is stored and weighs so much.
    pub(crate) fn seen(&self, weight: u32) -> Seen {
        match self.ending.result {
            // Renewed behind a request, or because the request wanted it so.
            RequestResult::Stale | RequestResult::Bypass => Seen::Refreshed { weight },
            // It was there, or swept because its time was over.
            _ if self.renews.is_some() || self.ending.reason == Some(MissReason::Expired) => {
                Seen::LoadedExpired { weight }
            }
            _ => Seen::LoadedAbsent { weight },
        }
    }
}

/// What a request takes that finds something when it is its turn to load.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Takes {
    /// What may answer it.
    Fresh,
    /// What may answer it as it is: it neither loads nor renews.
    #[cfg(feature = "shared")]
    Any,
    /// What needn't be renewed: it is to renew it.
    Renewed,
    /// Nothing: it is to load.
    Nothing,
}

/// How a request stands once its look-up is over.
pub(crate) enum Begun<'a, V> {
    Answered(V),
    /// It is to load, alone.
    Aside(OpenRequest<'a>, Plan),
    /// It is to load, or to wait for a load.
    Open(OpenRequest<'a>, Plan),
}

/// How following another request's load went.
enum Followed<'a, K: Eq, V, E> {
    Shared(Arc<Answer<V, E>>),
    LeaderFailed,
    TimedOut(StandIn<'a, K, V, E>),
}

/// What a request has become part of.
pub(crate) type Part<K, V, E> = Joined<K, V, E, Known<V, E>>;

impl<K: CacheKey, V: CacheValue, E: LoadError, S: Store<K, V>> Engine<K, V, E, S> {
    /// Answers a request that has wishes.
    pub(crate) async fn ask(&self, key: HashedKey<K>, wishes: Wishes) -> Result<V, CallError<E>> {
        let wishes = if switch::is_off() { Wishes { mode: Mode::Bypass, ..wishes } } else { wishes };
        let looked = match wishes.mode {
            Mode::Usual | Mode::OnlyIfCached => self.look_up_observed(key.as_ref(), wishes),
            Mode::Bypass | Mode::Overwrite => Err(self.unlooked(wishes)),
        };
        match looked {
            Ok(value) => Ok(value),
            Err(missed) => self.miss(key, missed).await,
        }
    }

    /// Gets the value of a key that wasn't plainly hit.
    #[cold]
    pub(crate) async fn miss(&self, key: HashedKey<K>, missed: Missed<V>) -> Result<V, CallError<E>> {
        match self.begin(&key, missed) {
            Begun::Answered(value) => Ok(value),
            Begun::Aside(request, plan) => self.load(&key, request, plan, Landing::Nowhere, Storing::Not).await,
            Begun::Open(request, plan) => {
                let part = self.join(&key, plan, self.clock.now());
                self.obtain(&key, request, plan, part).await
            }
        }
    }

    /// Opens the books for a request, and answers it if what was found may do.
    pub(crate) fn begin(&self, key: &HashedKey<K>, missed: Missed<V>) -> Begun<'_, V> {
        let Missed { start, wishes, found, standing } = missed;
        let request = OpenRequest::start(self.books(), start, wishes);
        let reason = match (standing, &found) {
            (Standing::Absent, None) => self.why_absent(key.hash()),
            // Memory before a shared store isn't believed any more.
            (Standing::Absent, Some(_)) => MissReason::Unknown,
            _ => MissReason::Expired,
        };
        if let Some(watcher) = &self.watcher {
            watcher.asked(key.hash(), start, 1);
        }
        let renews = found.as_ref().map(|entry| entry.fresh_until);
        let plan = Plan { ending: Ending::miss(reason), max_age: wishes.max_age, takes: Takes::Fresh, renews };
        let aside = Plan { ending: Ending::of(RequestResult::Bypass), takes: Takes::Nothing, ..plan };
        match (decide(wishes.mode, standing), found) {
            (Decision::LoadAside, _) => Begun::Aside(request, aside),
            (Decision::LoadOver, _) => {
                // A load that began before doesn't count, and is not stored.
                self.flights.invalidate(key.as_ref(), || ());
                Begun::Open(request, aside)
            }
            (Decision::HitAndRenew, Some(entry)) => {
                self.renew_behind(key, &entry, &request);
                Begun::Answered(self.answer_with(key.hash(), request, entry, start, Ending::of(RequestResult::Hit)))
            }
            (Decision::StaleAndRenew, Some(entry)) if self.renew_behind(key, &entry, &request) => {
                Begun::Answered(self.answer_with(key.hash(), request, entry, start, Ending::of(RequestResult::Stale)))
            }
            _ => Begun::Open(request, plan),
        }
    }

    /// Has a request take part in the loading of `key`, unless there is an answer already.
    pub(crate) fn join(&self, key: &HashedKey<K>, plan: Plan, now: Moment) -> Part<K, V, E> {
        self.flights.join(key, now, || self.find(key, now, plan))
    }

    /// Gets a value by another request's load, or by its own, starting from the part the request has.
    pub(crate) async fn obtain(
        &self,
        key: &HashedKey<K>,
        mut request: OpenRequest<'_>,
        plan: Plan,
        mut part: Part<K, V, E>,
    ) -> Result<V, CallError<E>> {
        loop {
            let follower = match part {
                Joined::Found(known) => return self.settle_known(key, request, plan, known),
                Joined::Leader(leader) => {
                    // Boxed, as all that is of shared stores: functions that call themselves have but so much stack.
                    #[cfg(feature = "shared")]
                    if self.shared.is_some() {
                        return Box::pin(self.lead(key, request, plan, leader)).await;
                    }
                    return self.load(key, request, plan, Landing::Leading(leader), Storing::Not).await;
                }
                Joined::Follower(follower) => follower,
            };
            let leader_span = follower.leader_span();
            match self.follow(follower, &request).await {
                Followed::Shared(answer) => {
                    request.led_by(leader_span());
                    let plan = Plan { ending: Ending::of(RequestResult::Coalesced), ..plan };
                    let spare = self.spare_for(key, plan, &answer).await;
                    return self.settle(key, request, plan, &answer, spare);
                }
                // The leader was dropped or panicked: join anew, perhaps to lead.
                Followed::LeaderFailed => part = self.join(key, plan, self.clock.now()),
                Followed::TimedOut(stand_in) => {
                    let Some(impatience) = &self.wait_error else {
                        return self.load(key, request, plan, Landing::Beside(stand_in), Storing::Not).await;
                    };
                    let plan = Plan { ending: Ending::of(RequestResult::Coalesced), ..plan };
                    return self.settle(key, request, plan, &Err(Arc::new(impatience())), None);
                }
            }
        }
    }

    /// Waits for another request's load, for as long as the cache lets its requests wait.
    async fn follow(&self, follower: Follower<V, E>, request: &OpenRequest<'_>) -> Followed<'_, K, V, E> {
        let wait = request.wait(WaitScope::Process, follower.since());
        let arrival = match self.wait_timeout {
            None => Ok(follower.arrive().await),
            Some(timeout) => follower.arrive_before(self.clock.sleep(timeout)).await,
        };
        match arrival {
            Ok(Arrival::Landed(answer)) => {
                wait.end(WaitOutcome::Shared);
                Followed::Shared(answer)
            }
            Ok(Arrival::Abandoned) => {
                wait.end(WaitOutcome::LeaderFailed);
                Followed::LeaderFailed
            }
            Err(follower) => {
                wait.end(WaitOutcome::Timeout);
                Followed::TimedOut(follower.stand_in(&self.flights))
            }
        }
    }
}
