//! A run of the wrapped function, for a request or behind it, and what becomes of its answer.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use cachescope_core::{
    Entry, Failure, HashedKey, LoadOutcome, RejectionReason, StaleEvent, Store, WaitOutcome, WaitScope,
};
use futures_util::FutureExt;
use opentelemetry::trace::SpanContext;

use crate::books::{OpenLoad, OpenRequest, Underway};
use crate::bounds::{CacheKey, CacheValue, LoadError};
use crate::engine::{Engine, Kept};
use crate::error::CallError;
use crate::flight::{Answer, Joined, Leader, StandIn};
use crate::load_limit::Place;
use crate::loader::{Panic, Running};
use crate::miss::Plan;
use crate::shared::Storing;

/// What a load's answer is for, besides the request that runs it.
pub(crate) enum Landing<'a, K: Eq, V, E> {
    /// Nothing.
    Nowhere,
    /// It is the one that others wait for.
    Leading(Leader<K, V, E>),
    /// It began beside that one, which takes too long.
    Beside(StandIn<'a, K, V, E>),
}

/// How a load ended: with an answer, or a panic.
type Ended<V, E> = Result<Result<V, E>, Panic>;

impl<K: CacheKey, V: CacheValue, E: LoadError, S: Store<K, V>> Engine<K, V, E, S> {
    /// Runs the wrapped function for `request`. If it panics, the panic goes on once the books are closed, and who
    /// waits for it joins anew.
    pub(crate) async fn load(
        &self,
        key: &HashedKey<K>,
        mut request: OpenRequest<'_>,
        plan: Plan,
        landing: Landing<'_, K, V, E>,
        storing: Storing,
    ) -> Result<V, CallError<E>> {
        let place = self.place(Some(&request)).await;
        let load = request.load(plan.ending.reason);
        if let (Landing::Leading(leader), Some(span)) = (&landing, load.span()) {
            leader.runs_in(span);
        }
        let running = self.loader.start(key.key().clone(), load.context(), place);
        let run = Run { engine: self, key, plan, parts: Some((running, load, landing, storing)) };
        let (ended, cost, landing, storing) = run.await;
        match ended {
            Ok(loaded) => {
                let answer = self.land(key, plan, cost, loaded, landing, storing).await;
                let spare = self.spare_for(key, plan, &answer).await;
                self.settle(key, request, plan, &answer, spare)
            }
            Err(panic) => {
                drop(landing);
                request.end(plan.ending.with_failure(Failure::Panic));
                std::panic::resume_unwind(panic)
            }
        }
    }

    /// A place among the loads that may run at a time, for which `request` waits.
    pub(crate) async fn place(&self, request: Option<&OpenRequest<'_>>) -> Option<Place> {
        let limit = self.load_limit.as_ref()?;
        if let Some(place) = limit.take() {
            return Some(place);
        }
        let now = self.clock.now();
        let wait = request.map(|request| request.wait(WaitScope::Process, now));
        let place = limit.queue(request.map(|_| now)).await;
        if let Some(wait) = wait {
            wait.end(WaitOutcome::Admitted);
        }
        place
    }

    /// Has the answer of a load that took `cost` shared and kept: first by other processes, so that whoever has it here
    /// can rely on what they have.
    pub(crate) async fn land(
        &self,
        key: &HashedKey<K>,
        plan: Plan,
        cost: Duration,
        loaded: Answer<V, E>,
        landing: Landing<'_, K, V, E>,
        storing: Storing,
    ) -> Arc<Answer<V, E>> {
        #[cfg(feature = "shared")]
        let prepared = match self.shared {
            Some(_) => Box::pin(self.store_shared(key, &loaded, cost, storing)).await,
            None => None,
        };
        #[cfg(not(feature = "shared"))]
        let (prepared, Storing::Not) = (None, storing);
        self.share(key, plan, cost, loaded, landing, prepared)
    }

    /// An entry past its time that a shared store has for a load that failed.
    pub(crate) async fn spare_for(&self, key: &HashedKey<K>, plan: Plan, answer: &Answer<V, E>) -> Option<Entry<V>> {
        #[cfg(feature = "shared")]
        if answer.is_err() && self.shared.is_some() && self.may_serve_stale(plan) {
            return Box::pin(self.spare(key, plan)).await;
        }
        #[cfg(not(feature = "shared"))]
        let _ = (key, plan, answer);
        None
    }

    fn share(
        &self,
        key: &HashedKey<K>,
        plan: Plan,
        cost: Duration,
        answer: Answer<V, E>,
        landing: Landing<'_, K, V, E>,
        prepared: Option<Result<Kept<V>, RejectionReason>>,
    ) -> Arc<Answer<V, E>> {
        if let (Ok(_), Some(fresh_until)) = (&answer, plan.renews) {
            let now = self.clock.now();
            if now >= fresh_until {
                self.recorder.stale(StaleEvent::Reloaded, now.since(fresh_until));
            }
        }
        if let Some(watcher) = &self.watcher {
            watcher.loaded(key.hash(), self.clock.now(), cost);
        }
        let (answer, stored) = match landing {
            Landing::Nowhere => return Arc::new(answer),
            Landing::Leading(leader) => self.keep(cost, prepared, |keep| leader.land(answer, keep)),
            Landing::Beside(stand_in) => self.keep(cost, prepared, |keep| stand_in.land(key, answer, keep)),
        };
        if let Some(stored) = stored {
            self.saw(key.hash(), stored.at, plan.seen(stored.weight));
        }
        answer
    }

    /// Has an entry renewed by a task of its own, unless that is under way or an error is known; false where there is
    /// nothing to run such a task.
    pub(crate) fn renew_behind(&self, key: &HashedKey<K>, entry: &Entry<V>, request: &OpenRequest<'_>) -> bool {
        let (Some(spawner), Some(this)) = (self.background.spawner(), self.this.upgrade()) else { return false };
        let plan = Plan::renewal(entry);
        let Joined::Leader(leader) = self.join(key, plan, self.clock.now()) else { return true };
        spawner.spawn(this.renew(key.clone(), plan, request.asker(), leader));
        true
    }

    /// Loads what no request waits for. An error or a panic leaves the entry as it is: the next request that finds it
    /// asks again.
    async fn renew(
        self: Arc<Self>,
        key: HashedKey<K>,
        plan: Plan,
        asker: Option<SpanContext>,
        leader: Leader<K, V, E>,
    ) {
        #[cfg(feature = "shared")]
        let Some((leader, storing)) = Box::pin(self.renewal(&key, plan, leader)).await else { return };
        #[cfg(not(feature = "shared"))]
        let storing = Storing::Not;
        let place = self.place(None).await;
        let load = OpenLoad::refresh(self.books(), asker);
        if let Some(span) = load.span() {
            leader.runs_in(span);
        }
        let running = self.loader.start(key.key().clone(), load.context(), place);
        self.land_behind(&key, plan, leader, load, running, storing).await;
    }

    /// Goes on with a load whose request is gone.
    async fn finish(
        self: Arc<Self>,
        key: HashedKey<K>,
        plan: Plan,
        running: Running<V, E>,
        underway: Underway,
        leader: Leader<K, V, E>,
        storing: Storing,
    ) {
        let load = OpenLoad::of(self.books(), underway);
        self.land_behind(&key, plan, leader, load, running, storing).await;
    }

    /// Cancelled, its parts go from the last to the first: who waits joins anew when all else is over.
    async fn land_behind(
        &self,
        key: &HashedKey<K>,
        plan: Plan,
        leader: Leader<K, V, E>,
        load: OpenLoad<'_>,
        running: Running<V, E>,
        storing: Storing,
    ) {
        let ended = running.await;
        let (loaded, cost) = close(load, ended);
        // Nobody is there to have its panic.
        if let Ok(loaded) = loaded {
            self.land(key, plan, cost, loaded, Landing::Leading(leader), storing).await;
        }
    }
}

/// A load that runs, its books, and what its answer is for. Dropped in this order.
type Parts<'a, K, V, E> = (Running<V, E>, OpenLoad<'a>, Landing<'a, K, V, E>, Storing);

/// What is left of them when the load is over: what it gave, what it took, and what that is for.
type Left<'a, K, V, E> = (Result<Answer<V, E>, Panic>, Duration, Landing<'a, K, V, E>, Storing);

/// Closes a load's books.
fn close<V, E>(load: OpenLoad<'_>, ended: Ended<V, E>) -> (Result<Answer<V, E>, Panic>, Duration) {
    let cost = load.cost();
    load.end(outcome_of(&ended));
    (ended.map(|loaded| loaded.map_err(Arc::new)), cost)
}

/// How a run of the wrapped function ended.
pub(crate) fn outcome_of<T, E>(ended: &Result<Result<T, E>, Panic>) -> LoadOutcome {
    match ended {
        Ok(Ok(_)) => LoadOutcome::Loaded,
        Ok(Err(_)) => LoadOutcome::Failed,
        Err(_) => LoadOutcome::Panicked,
    }
}

/// A load that a request runs. Dropped while it runs, it ends there, or goes on behind if the cache is told so.
struct Run<'a, K: CacheKey, V: CacheValue, E: LoadError, S: Store<K, V>> {
    engine: &'a Engine<K, V, E, S>,
    key: &'a HashedKey<K>,
    plan: Plan,
    /// `None` once it has ended.
    parts: Option<Parts<'a, K, V, E>>,
}

/// The load itself is boxed; all else of it may move, whatever a key is.
impl<K: CacheKey, V: CacheValue, E: LoadError, S: Store<K, V>> Unpin for Run<'_, K, V, E, S> {}

impl<'a, K: CacheKey, V: CacheValue, E: LoadError, S: Store<K, V>> Future for Run<'a, K, V, E, S> {
    type Output = Left<'a, K, V, E>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = Pin::get_mut(self);
        let Some((running, ..)) = &mut this.parts else { return Poll::Pending };
        let ended = ready!(running.poll_unpin(cx));
        let Some((_, load, landing, storing)) = this.parts.take() else { return Poll::Pending };
        let (loaded, cost) = close(load, ended);
        Poll::Ready((loaded, cost, landing, storing))
    }
}

impl<K: CacheKey, V: CacheValue, E: LoadError, S: Store<K, V>> Drop for Run<'_, K, V, E, S> {
    fn drop(&mut self) {
        // Where it ends here, the parts go in their order: who waits joins anew when all else is over.
        let Self { engine, key, plan, parts } = self;
        if !engine.finishes_cancelled_loads {
            return;
        }
        let (Some(spawner), Some(this)) = (engine.background.spawner(), engine.this.upgrade()) else { return };
        if let Some((running, load, Landing::Leading(leader), storing)) = parts.take()
            && let Some(underway) = load.hand_over()
        {
            spawner.spawn(this.finish(key.clone(), *plan, running, underway, leader, storing));
        }
    }
}
