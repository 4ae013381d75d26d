//! The path of a request that wasn't a plain hit: it leads a load, follows one, or answers with a stale entry.

use std::sync::Arc;

use cachescope_core::{HashedKey, MissReason, RequestOutcome, RequestResult, Store, Timestamp, WaitOutcome, WaitScope};

use crate::engine::Engine;
use crate::engine::bounds::{CacheKey, CacheValue, LoadError};
use crate::engine::freshness::{Decision, Freshness, RequestMode, RequestOptions, decide};
use crate::engine::plan::{Accepts, Known, Landing, Missed, Plan, Started};
use crate::engine::single_flight::{Answer, Arrival, Follower, Joined, StandIn};
use crate::error::CallError;
use crate::l2::Storing;
use crate::process::switch;
use crate::telemetry::guards::RequestGuard;

/// The result of a wait for another request's load.
enum Followed<'a, K: Eq, V, E> {
    Shared(Arc<Answer<V, E>>),
    LeaderFailed,
    TimedOut(StandIn<'a, K, V, E>),
}

/// The part of a request in the loading of its key.
pub(crate) type Part<K, V, E> = Joined<K, V, E, Known<V, E>>;

impl<K: CacheKey, V: CacheValue, E: LoadError, S: Store<K, V>> Engine<K, V, E, S> {
    /// Answers a request that has options.
    pub(crate) async fn ask(&self, key: HashedKey<K>, options: RequestOptions) -> Result<V, CallError<E>> {
        let options = if switch::is_off() { RequestOptions { mode: RequestMode::Bypass, ..options } } else { options };
        let looked = match options.mode {
            RequestMode::Normal | RequestMode::OnlyIfCached => self.look_up_observed(key.as_ref(), options),
            RequestMode::Bypass | RequestMode::Overwrite => Err(self.skip_lookup(options)),
        };
        match looked {
            Ok(value) => Ok(value),
            Err(missed) => self.miss(key, missed).await,
        }
    }

    /// Answers a request that wasn't a plain hit.
    #[cold]
    pub(crate) async fn miss(&self, key: HashedKey<K>, missed: Missed<V>) -> Result<V, CallError<E>> {
        match self.begin(&key, missed) {
            Started::Answered(value) => Ok(value),
            Started::Uncached(request, plan) => self.load(&key, request, plan, Landing::Detached, Storing::Not).await,
            Started::Open(request, plan) => {
                let part = self.join(&key, plan, self.clock.now());
                self.obtain(&key, request, plan, part).await
            }
        }
    }

    /// Opens the guard of a request, and answers the request if the found entry may.
    pub(crate) fn begin(&self, key: &HashedKey<K>, missed: Missed<V>) -> Started<'_, V> {
        let Missed { start, options, found, freshness } = missed;
        let request = RequestGuard::start(self.guards(), start, options);
        let reason = match (freshness, &found) {
            (Freshness::Absent, None) => self.why_absent(key.hash()),
            // An entry in front of a shared store that memory no longer trusts.
            (Freshness::Absent, Some(_)) => MissReason::Unknown,
            _ => MissReason::Expired,
        };
        if let Some(watcher) = &self.watch.watcher {
            watcher.record_request(key.hash(), start, 1);
        }
        let replaces = found.as_ref().map(|entry| entry.fresh_until);
        let plan =
            Plan { outcome: RequestOutcome::miss(reason), max_age: options.max_age, accepts: Accepts::Fresh, replaces };
        let uncached = Plan { outcome: RequestOutcome::new(RequestResult::Bypass), accepts: Accepts::Nothing, ..plan };
        match (decide(options.mode, freshness), found) {
            (Decision::LoadUncached, _) => Started::Uncached(request, uncached),
            (Decision::LoadAndOverwrite, _) => {
                // A load that began earlier is not stored.
                self.loading.flights.invalidate(key.as_ref(), || ());
                Started::Open(request, uncached)
            }
            (Decision::HitAndRefresh, Some(entry)) => {
                self.refresh_in_background(key, &entry, &request);
                Started::Answered(self.answer_with(
                    key.hash(),
                    request,
                    entry,
                    start,
                    RequestOutcome::new(RequestResult::Hit),
                ))
            }
            (Decision::StaleAndRefresh, Some(entry)) if self.refresh_in_background(key, &entry, &request) => {
                Started::Answered(self.answer_with(
                    key.hash(),
                    request,
                    entry,
                    start,
                    RequestOutcome::new(RequestResult::Stale),
                ))
            }
            _ => Started::Open(request, plan),
        }
    }

    /// Joins the loading of `key`, unless there is an answer already.
    pub(crate) fn join(&self, key: &HashedKey<K>, plan: Plan, now: Timestamp) -> Part<K, V, E> {
        self.loading.flights.join(key, now, || self.memory.find(key, now, plan))
    }

    /// Answers a request by another request's load or by its own, starting from its part in the loading.
    pub(crate) async fn obtain(
        &self,
        key: &HashedKey<K>,
        mut request: RequestGuard<'_>,
        plan: Plan,
        mut part: Part<K, V, E>,
    ) -> Result<V, CallError<E>> {
        loop {
            let follower = match part {
                Joined::Found(known) => return self.settle_known(key, request, plan, known),
                Joined::Leader(leader) => {
                    // Boxed, as everything of shared stores: a recursive loader has a limited stack.
                    if self.l2.is_some() {
                        return Box::pin(self.lead(key, request, plan, leader)).await;
                    }
                    return self.load(key, request, plan, Landing::Leading(leader), Storing::Not).await;
                }
                Joined::Follower(follower) => follower,
            };
            let leader_span = follower.leader_span();
            match self.follow(follower, &request).await {
                Followed::Shared(answer) => {
                    request.record_leader(leader_span());
                    let plan = Plan { outcome: RequestOutcome::new(RequestResult::Coalesced), ..plan };
                    let l2_entry = self.l2_stale_on_error(key, plan, &answer).await;
                    return self.settle(key, request, plan, &answer, l2_entry);
                }
                // The leader was dropped or panicked: join again, perhaps as the leader.
                Followed::LeaderFailed => part = self.join(key, plan, self.clock.now()),
                Followed::TimedOut(stand_in) => {
                    let Some(timeout_error) = &self.loading.wait_error else {
                        return self.load(key, request, plan, Landing::StandIn(stand_in), Storing::Not).await;
                    };
                    let plan = Plan { outcome: RequestOutcome::new(RequestResult::Coalesced), ..plan };
                    return self.settle(key, request, plan, &Err(Arc::new(timeout_error())), None);
                }
            }
        }
    }

    /// Waits for another request's load, at most for the cache's wait timeout.
    async fn follow(&self, follower: Follower<V, E>, request: &RequestGuard<'_>) -> Followed<'_, K, V, E> {
        let wait = request.wait(WaitScope::Process, follower.since());
        let arrival = match self.loading.wait_timeout {
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
                Followed::TimedOut(follower.stand_in(&self.loading.flights))
            }
        }
    }
}
