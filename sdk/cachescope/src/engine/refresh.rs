//! Loads in the background: refreshes, and loads whose request is gone.

use std::sync::Arc;

use cachescope_core::{Entry, HashedKey, Store};
use opentelemetry::Context;

use crate::engine::Engine;
use crate::engine::bounds::{CacheKey, CacheValue, LoadError};
use crate::engine::load::close;
use crate::engine::loader::Running;
use crate::engine::plan::{Landing, Plan};
use crate::engine::single_flight::{Joined, Leader};
use crate::l2::Storing;
use crate::telemetry::guards::{LoadGuard, RequestGuard, RunningLoad};

impl<K: CacheKey, V: CacheValue, E: LoadError, S: Store<K, V>> Engine<K, V, E, S> {
    /// Refreshes an entry in a task of its own, unless a load is under way or an error is remembered. Returns false
    /// where no task can run.
    pub(crate) fn refresh_in_background(
        &self,
        key: &HashedKey<K>,
        entry: &Entry<V>,
        request: &RequestGuard<'_>,
    ) -> bool {
        let (Some(spawner), Some(this)) = (self.background.spawner(), self.this.upgrade()) else { return false };
        let plan = Plan::refresh(entry);
        let Joined::Leader(leader) = self.join(key, plan, self.clock.now()) else { return true };
        spawner.spawn(this.refresh(key.clone(), plan, request.caller(), leader));
        true
    }

    /// Loads a value that no request waits for. An error or a panic leaves the entry as it is; the next request that
    /// finds it starts another refresh.
    async fn refresh(self: Arc<Self>, key: HashedKey<K>, plan: Plan, caller: Option<Context>, leader: Leader<K, V, E>) {
        let Some((leader, storing)) = Box::pin(self.lease_for_refresh(&key, plan, leader)).await else { return };
        let place = self.loading.place(&self.clock, None).await;
        let load = LoadGuard::refresh(self.guards(), caller);
        if let Some(span) = load.span() {
            leader.runs_in(span);
        }
        let running = self.loading.loader.start(key.key().clone(), load.context(), place);
        self.land_in_background(&key, plan, leader, load, running, storing).await;
    }

    /// Continues a load whose request was dropped.
    pub(crate) async fn finish(
        self: Arc<Self>,
        key: HashedKey<K>,
        plan: Plan,
        running: Running<V, E>,
        underway: RunningLoad,
        leader: Leader<K, V, E>,
        storing: Storing,
    ) {
        let load = LoadGuard::resume(self.guards(), underway);
        self.land_in_background(&key, plan, leader, load, running, storing).await;
    }

    /// Runs a load to its end and lands it. If cancelled, its parts drop from the last to the first: followers join
    /// again after everything else is over.
    async fn land_in_background(
        &self,
        key: &HashedKey<K>,
        plan: Plan,
        leader: Leader<K, V, E>,
        load: LoadGuard<'_>,
        running: Running<V, E>,
        storing: Storing,
    ) {
        let ended = running.await;
        let (loaded, cost) = close(load, ended);
        // A panic ends here: no caller waits for it.
        if let Ok(loaded) = loaded {
            self.land(key, plan, cost, loaded, Landing::Leading(leader), storing).await;
        }
    }
}
