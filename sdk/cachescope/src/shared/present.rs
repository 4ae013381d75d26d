//! What a shared store holds of a key, for a request that doesn't load, or whose load failed.

use cachescope_core::{Ending, Entry, HashedKey, MissReason, Operation, RequestResult, Store};
use opentelemetry::trace::FutureExt as _;

use super::seek::Looked;
use crate::books::OpenRequest;
use crate::bounds::{CacheKey, CacheValue, LoadError};
use crate::engine::Engine;
use crate::look_up::Missed;
use crate::miss::{Plan, Takes};
use crate::policy::Standing;

impl<K: CacheKey, V: CacheValue, E: LoadError, S: Store<K, V>> Engine<K, V, E, S> {
    /// Answers a request that only looks, and found nothing in memory that may answer. What it finds stays where it is:
    /// memory isn't to have again what is dropped meanwhile.
    pub(crate) async fn look_behind(&self, key: &HashedKey<K>, missed: Missed<V>) -> Option<V> {
        let Some((shared, name)) = self.shared_name(key) else { return self.end_look(key.hash(), missed) };
        let Missed { start, wishes, .. } = missed;
        let mut request = OpenRequest::start(self.books(), start, wishes);
        let ending = Ending::miss(MissReason::Unknown);
        let plan = Plan { ending, max_age: wishes.max_age, takes: Takes::Any, renews: None };
        let context = request.open(None).unwrap_or_default();
        match self.look(shared, key, &name, plan).with_context(context).await {
            Looked::Answers(entry, standing) => {
                let result = if standing == Standing::Stale { RequestResult::Stale } else { RequestResult::Hit };
                let ending = Ending::of(result).from_shared_store();
                Some(self.answer_with(key.hash(), request, entry, self.clock.now(), ending))
            }
            Looked::Doesnt(..) | Looked::Failed => {
                request.end(Ending::of(RequestResult::Absent));
                None
            }
        }
    }

    /// What the shared store holds of a key whose load failed, if that is better than the error.
    pub(crate) async fn spare(&self, key: &HashedKey<K>, plan: Plan) -> Option<Entry<V>> {
        let (shared, name) = self.shared_name(key)?;
        let bytes = shared.ask(self.books(), Operation::Get, shared.store.get(&name.key)).await.ok()??;
        let entry = self.entry_of(key, shared.decode(&self.clock, &name, &bytes).ok()?);
        self.policy.is_better_than_an_error(&entry, self.clock.now(), plan.max_age).then_some(entry)
    }
}
