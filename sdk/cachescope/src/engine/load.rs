//! A run of the loader, and where its answer goes.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use cachescope_core::{Entry, Failure, HashedKey, LoadOutcome, RejectionReason, StaleEvent, Store};
use futures_util::FutureExt;

use crate::engine::Engine;
use crate::engine::bounds::{CacheKey, CacheValue, LoadError};
use crate::engine::loader::{Panic, Running};
use crate::engine::memory::Prepared;
use crate::engine::plan::{Landing, Plan};
use crate::engine::single_flight::Answer;
use crate::error::CallError;
use crate::l2::Storing;
use crate::telemetry::guards::{LoadGuard, RequestGuard};

/// The end of a load: an answer or a panic.
type Ended<V, E> = Result<Result<V, E>, Panic>;

impl<K: CacheKey, V: CacheValue, E: LoadError, S: Store<K, V>> Engine<K, V, E, S> {
    /// Runs the loader for `request`. If the loader panics, the panic continues once the guards have counted it, and
    /// followers join again.
    pub(crate) async fn load(
        &self,
        key: &HashedKey<K>,
        mut request: RequestGuard<'_>,
        plan: Plan,
        landing: Landing<'_, K, V, E>,
        storing: Storing,
    ) -> Result<V, CallError<E>> {
        let place = self.loading.place(&self.clock, Some(&request)).await;
        let load = request.load(plan.outcome.reason);
        if let (Landing::Leading(leader), Some(span)) = (&landing, load.span()) {
            leader.runs_in(span);
        }
        let running = self.loading.loader.start(key.key().clone(), load.context(), place);
        let run = Run { engine: self, key, plan, parts: Some((running, load, landing, storing)) };
        let (ended, cost, landing, storing) = run.await;
        match ended {
            Ok(loaded) => {
                let answer = self.land(key, plan, cost, loaded, landing, storing).await;
                let l2_entry = self.l2_stale_on_error(key, plan, &answer).await;
                self.settle(key, request, plan, &answer, l2_entry)
            }
            Err(panic) => {
                drop(landing);
                request.end(plan.outcome.with_failure(Failure::Panic));
                std::panic::resume_unwind(panic)
            }
        }
    }

    /// Shares and stores the answer of a load that took `cost`. The shared store gets it first, so that every request
    /// with the answer can rely on the shared store having it.
    pub(crate) async fn land(
        &self,
        key: &HashedKey<K>,
        plan: Plan,
        cost: Duration,
        loaded: Answer<V, E>,
        landing: Landing<'_, K, V, E>,
        storing: Storing,
    ) -> Arc<Answer<V, E>> {
        let prepared = match self.l2 {
            Some(_) => Box::pin(self.store_in_l2(key, &loaded, cost, storing)).await,
            None => None,
        };
        self.share(key, plan, cost, loaded, landing, prepared)
    }

    /// Returns the expired entry of the shared store that may answer for a failed load.
    pub(crate) async fn l2_stale_on_error(
        &self,
        key: &HashedKey<K>,
        plan: Plan,
        answer: &Answer<V, E>,
    ) -> Option<Entry<V>> {
        if answer.is_err() && self.l2.is_some() && self.may_serve_stale(plan) {
            return Box::pin(self.stale_on_error_from_l2(key, plan)).await;
        }
        None
    }

    fn share(
        &self,
        key: &HashedKey<K>,
        plan: Plan,
        cost: Duration,
        answer: Answer<V, E>,
        landing: Landing<'_, K, V, E>,
        prepared: Option<Result<Prepared<V>, RejectionReason>>,
    ) -> Arc<Answer<V, E>> {
        if let (Ok(_), Some(fresh_until)) = (&answer, plan.replaces) {
            let now = self.clock.now();
            if now >= fresh_until {
                self.recorder.stale(StaleEvent::Reloaded, now.since(fresh_until));
            }
        }
        if let Some(watcher) = &self.watch.watcher {
            watcher.record_load(key.hash(), self.clock.now(), cost);
        }
        let (answer, stored) = match landing {
            Landing::Detached => return Arc::new(answer),
            Landing::Leading(leader) => self.keep(cost, prepared, |keep| leader.land(answer, keep)),
            Landing::StandIn(stand_in) => self.keep(cost, prepared, |keep| stand_in.land(key, answer, keep)),
        };
        if let Some(stored) = stored {
            self.record_key_event(key.hash(), stored.at, plan.key_event(stored.weight));
        }
        answer
    }
}

/// A running load, its guard, and where its answer goes. Dropped in this order.
type Parts<'a, K, V, E> = (Running<V, E>, LoadGuard<'a>, Landing<'a, K, V, E>, Storing);

/// The same after the load: its answer, its time, and where the answer goes.
type Left<'a, K, V, E> = (Result<Answer<V, E>, Panic>, Duration, Landing<'a, K, V, E>, Storing);

/// Ends the guard of a load.
pub(crate) fn close<V, E>(load: LoadGuard<'_>, ended: Ended<V, E>) -> (Result<Answer<V, E>, Panic>, Duration) {
    let cost = load.cost();
    load.end(outcome_of(&ended));
    (ended.map(|loaded| loaded.map_err(Arc::new)), cost)
}

/// Returns the outcome of a run of the loader.
pub(crate) fn outcome_of<T, E>(ended: &Result<Result<T, E>, Panic>) -> LoadOutcome {
    match ended {
        Ok(Ok(_)) => LoadOutcome::Loaded,
        Ok(Err(_)) => LoadOutcome::Failed,
        Err(_) => LoadOutcome::Panicked,
    }
}

/// A load that a request runs. Dropped before its end, the load is cancelled, or goes on in the background if the cache
/// finishes cancelled loads.
struct Run<'a, K: CacheKey, V: CacheValue, E: LoadError, S: Store<K, V>> {
    engine: &'a Engine<K, V, E, S>,
    key: &'a HashedKey<K>,
    plan: Plan,
    /// `None` once the load has ended.
    parts: Option<Parts<'a, K, V, E>>,
}

/// The load is boxed, so everything here may move, whatever the key's type.
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
        // If the load is cancelled here, its parts drop in order: followers join again after everything else is over.
        let Self { engine, key, plan, parts } = self;
        if !engine.loading.finishes_cancelled_loads {
            return;
        }
        let (Some(spawner), Some(this)) = (engine.background.spawner(), engine.this.upgrade()) else { return };
        if let Some((running, load, Landing::Leading(leader), storing)) = parts.take()
            && let Some(underway) = load.detach()
        {
            spawner.spawn(this.finish(key.clone(), *plan, running, underway, leader, storing));
        }
    }
}
