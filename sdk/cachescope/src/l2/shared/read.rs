//! Reads of the shared store by requests that don't load, or whose load failed.

use cachescope_core::{Entry, HashedKey, Operation, RequestOutcome, RequestResult, Store};
use opentelemetry::trace::FutureExt as _;

use super::lookup::L2Read;
use crate::engine::Engine;
use crate::engine::bounds::{CacheKey, CacheValue, LoadError};
use crate::engine::freshness::Freshness;
use crate::engine::plan::Missed;
use crate::engine::plan::Plan;
use crate::telemetry::guards::RequestGuard;

impl<K: CacheKey, V: CacheValue, E: LoadError, S: Store<K, V>> Engine<K, V, E, S> {
    /// Answers a request that never loads, and found no usable entry in memory. The entry isn't copied into memory:
    /// memory must not get back an entry that is invalidated meanwhile.
    pub(crate) async fn look_in_l2(&self, key: &HashedKey<K>, missed: Missed<V>, plan: Plan) -> Option<V> {
        let Some((shared, name)) = self.shared_name(key) else { return self.finish_lookup(key.hash(), missed) };
        let Missed { start, options, .. } = missed;
        let mut request = RequestGuard::start(self.guards(), start, options);
        let context = request.open(None).unwrap_or_default();
        match self.look(shared, key, &name, plan).with_context(context).await {
            L2Read::Usable(entry, freshness) => {
                let result = if freshness == Freshness::Stale { RequestResult::Stale } else { RequestResult::Hit };
                let ending = RequestOutcome::new(result).served_by_shared_store();
                Some(self.answer_with(key.hash(), request, entry, self.clock.now(), ending))
            }
            L2Read::Unusable(..) | L2Read::Failed => {
                request.end(RequestOutcome::new(RequestResult::Absent));
                None
            }
        }
    }

    /// Returns the expired entry of the shared store that may answer for a failed load.
    pub(crate) async fn stale_on_error_from_l2(&self, key: &HashedKey<K>, plan: Plan) -> Option<Entry<V>> {
        let (shared, name) = self.shared_name(key)?;
        let bytes = shared.ask(self.guards(), Operation::Get, shared.store.get(&name.key)).await.ok()??;
        let entry = self.entry_of(key, shared.decode(&self.clock, &name, &bytes).ok()?);
        self.memory.policy.is_better_than_an_error(&entry, self.clock.now(), plan.max_age).then_some(entry)
    }
}
