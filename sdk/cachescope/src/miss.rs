//! How a request goes on that found nothing fresh: it leads a load, follows one, or takes what is stale.

use std::hash::Hash;
use std::sync::Arc;
use std::time::Duration;

use cachescope_core::{
    Ending, Entry, Failure, HashedKey, LoadOutcome, Moment, RequestResult, StaleEvent, Store, WaitOutcome,
};
use opentelemetry::trace::{FutureExt, SpanContext};
use tokio::runtime::Handle;

use crate::books::{OpenLoad, OpenRequest};
use crate::engine::Engine;
use crate::error::CallError;
use crate::flight::{Answer, Arrival, Follower, Joined, Leader, StandIn};
use crate::loader::Panic;
use crate::look_up::Missed;
use crate::policy::{Freshness, Mode, Options};
use crate::switch;

/// How following another request's load went.
enum Followed<'a, K: Eq, V, E> {
    Shared(Arc<Answer<V, E>>),
    LeaderFailed,
    TimedOut(StandIn<'a, K, V, E>),
}

impl<K, V, E, S> Engine<K, V, E, S>
where
    K: Hash + Eq + Clone + Send + Sync + 'static,
    V: Clone + Send + Sync + 'static,
    E: Send + Sync + 'static,
    S: Store<K, V>,
{
    /// Answers a request that has wishes.
    pub(crate) async fn ask(&self, key: HashedKey<K>, options: Options) -> Result<V, CallError<E>> {
        let options = if switch::is_off() { Options { mode: Mode::Bypass, ..options } } else { options };
        let looked = match options.mode {
            Mode::Usual => self.look_up_observed(key.as_ref(), options),
            Mode::Bypass | Mode::Overwrite => Err(self.unlooked(options)),
        };
        match looked {
            Ok(value) => Ok(value),
            Err(missed) => self.miss(key, missed).await,
        }
    }

    /// Gets the value of a key that wasn't found fresh, or wasn't looked for.
    #[cold]
    pub(crate) async fn miss(&self, key: HashedKey<K>, missed: Missed<V>) -> Result<V, CallError<E>> {
        let Missed { reason, start, options, found } = missed;
        let mut request = OpenRequest::start(self.books(), start, options.max_age);
        match options.mode {
            Mode::Usual => {}
            Mode::Bypass => return self.load(&key, request, Ending::of(RequestResult::Bypass), Arc::new).await,
            Mode::Overwrite => {
                // A load that began before doesn't count, and is not stored.
                self.flights.invalidate(key.as_ref(), || ());
                return self.obtain(&key, request, Ending::of(RequestResult::Bypass), |_| None).await;
            }
        }
        if let Some((entry, stands)) = found {
            request.found(entry.fresh_until);
            if stands == Freshness::Stale && self.refresh_behind(&key, &entry, &request) {
                self.recorder.stale(StaleEvent::Served, start.since(entry.fresh_until));
                request.end(Ending::of(RequestResult::Stale));
                return Ok(entry.value);
            }
        }
        let find = |now| self.find_fresh(&key, now, options.max_age);
        self.obtain(&key, request, Ending::miss(reason), find).await
    }

    /// Has an entry renewed by a task of its own, unless that is under way; false where there is no tokio runtime
    /// to run it.
    fn refresh_behind(&self, key: &HashedKey<K>, entry: &Entry<V>, request: &OpenRequest<'_>) -> bool {
        let (Ok(runtime), Some(this)) = (Handle::try_current(), self.this.upgrade()) else { return false };
        let now = self.clock.now();
        // What was stored since the look-up renews it as well.
        let Joined::Leader(leader) = self.flights.join(key, now, || self.find_fresh(key, now, None)) else {
            return true;
        };
        let (key, fresh_until, asker) = (key.clone(), entry.fresh_until, request.asker());
        runtime.spawn(async move { this.refresh(&key, fresh_until, asker, leader).await });
        true
    }

    /// Loads what no request waits for. An error or a panic leaves the entry as it is: the next request that is
    /// served it asks again.
    async fn refresh(
        &self,
        key: &HashedKey<K>,
        fresh_until: Moment,
        asker: Option<SpanContext>,
        leader: Leader<K, V, E>,
    ) {
        let load = OpenLoad::refresh(self.books(), asker);
        let loaded = self.run(&load, key).await;
        load.end(outcome_of(&loaded));
        if let Ok(Ok(value)) = loaded {
            self.recorder.stale(StaleEvent::Reloaded, self.clock.now().since(fresh_until));
            self.land(|keep| leader.land(Ok(value), keep));
        } else if let Ok(Err(error)) = loaded {
            leader.land(Err(Arc::new(error)), |_, _| ());
        }
    }

    /// Gets a value by another request's load, or by its own, which gives the request this `ending`; unless
    /// `find` finds an entry when it is this request's turn to load.
    async fn obtain(
        &self,
        key: &HashedKey<K>,
        request: OpenRequest<'_>,
        ending: Ending,
        find: impl Fn(Moment) -> Option<Entry<V>>,
    ) -> Result<V, CallError<E>> {
        loop {
            let now = self.clock.now();
            match self.flights.join(key, now, || find(now)) {
                Joined::Found(entry) => {
                    request.end(Ending::of(RequestResult::Hit));
                    return Ok(entry.value);
                }
                Joined::Leader(leader) => {
                    let land = |answer| self.land(|keep| leader.land(answer, keep));
                    return self.load(key, request, ending, land).await;
                }
                Joined::Follower(follower) => match self.follow(follower, &request, now).await {
                    Followed::Shared(answer) => {
                        return self.settle(key, request, Ending::of(RequestResult::Coalesced), &answer);
                    }
                    // The leader was dropped or panicked: join anew, perhaps to lead.
                    Followed::LeaderFailed => {}
                    Followed::TimedOut(stand_in) => {
                        let land = |answer| self.land(|keep| stand_in.land(key, answer, keep));
                        return self.load(key, request, ending, land).await;
                    }
                },
            }
        }
    }

    /// Waits for another request's load, for as long as the cache lets its requests wait.
    async fn follow(&self, follower: Follower<V, E>, request: &OpenRequest<'_>, now: Moment) -> Followed<'_, K, V, E> {
        let wait = request.wait(now);
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

    /// What a load that landed after this request's look-up may have stored.
    fn find_fresh(&self, key: &HashedKey<K>, now: Moment, max_age: Option<Duration>) -> Option<Entry<V>> {
        let key = key.as_ref();
        // Asked first, since it leaves the store's policy alone: this request has looked once already.
        if !self.store.contains(key) {
            return None;
        }
        self.store.get(key).filter(|entry| self.policy.judge(entry, now, max_age) == Freshness::Fresh)
    }

    /// Runs the wrapped function for `request`, and hands what it returned to `land`. If it panics, the panic
    /// goes on once the books are closed, and `land` is dropped.
    async fn load(
        &self,
        key: &HashedKey<K>,
        mut request: OpenRequest<'_>,
        ending: Ending,
        land: impl FnOnce(Answer<V, E>) -> Arc<Answer<V, E>>,
    ) -> Result<V, CallError<E>> {
        let load = request.load(ending.reason);
        let loaded = self.run(&load, key).await;
        load.end(outcome_of(&loaded));
        match loaded {
            Ok(loaded) => {
                if let Some(age) = request.renewed_age().filter(|_| loaded.is_ok()) {
                    self.recorder.stale(StaleEvent::Reloaded, age);
                }
                let answer = land(loaded.map_err(Arc::new));
                self.settle(key, request, ending, &answer)
            }
            Err(panic) => {
                drop(land);
                request.end(ending.with_failure(Failure::Panic));
                std::panic::resume_unwind(panic)
            }
        }
    }

    async fn run(&self, load: &OpenLoad<'_>, key: &HashedKey<K>) -> Result<Result<V, E>, Panic> {
        let running = self.loader.load(key.key().clone());
        match load.context() {
            Some(context) => running.with_context(context).await,
            // A thread that is ending has no context to attach another to.
            None => running.await,
        }
    }

    /// Ends a request with what a load gave; where that is an error, with an entry past its time if one may do.
    fn settle(
        &self,
        key: &HashedKey<K>,
        request: OpenRequest<'_>,
        ending: Ending,
        answer: &Answer<V, E>,
    ) -> Result<V, CallError<E>> {
        let error = match answer {
            Ok(value) => {
                request.end(ending);
                return Ok(value.clone());
            }
            Err(error) => error,
        };
        if let Some((value, age)) = self.last_good(key, ending, request.max_age()) {
            self.recorder.stale(StaleEvent::Served, age);
            request.end(Ending::of(RequestResult::Stale).with_failure(Failure::Error));
            return Ok(value);
        }
        request.end(ending.with_failure(Failure::Error));
        Err(CallError::Load(Arc::clone(error)))
    }

    /// What may answer for a load that failed, and how far it is past its time.
    fn last_good(&self, key: &HashedKey<K>, ending: Ending, max_age: Option<Duration>) -> Option<(V, Duration)> {
        // Who left the cache aside wants nothing of it.
        if self.policy.serve_stale_on_error.is_zero() || ending.result == RequestResult::Bypass {
            return None;
        }
        let now = self.clock.now();
        let may_answer = |entry: &Entry<V>| self.policy.is_better_than_an_error(entry, now, max_age);
        let entry = self.store.get(key.as_ref()).filter(may_answer)?;
        Some((entry.value, now.since(entry.fresh_until)))
    }
}

/// How a run of the wrapped function ended.
fn outcome_of<V, E>(loaded: &Result<Result<V, E>, Panic>) -> LoadOutcome {
    match loaded {
        Ok(Ok(_)) => LoadOutcome::Loaded,
        Ok(Err(_)) => LoadOutcome::Failed,
        Err(_) => LoadOutcome::Panicked,
    }
}
