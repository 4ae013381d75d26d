//! What stands in place of `shared` where that feature is off: a key that nobody loads is loaded, and that is all.

use cachescope_core::{HashedKey, Store};

use crate::books::OpenRequest;
use crate::bounds::{CacheKey, CacheValue, LoadError};
use crate::engine::Engine;
use crate::error::CallError;
use crate::flight::Leader;
use crate::load::Landing;
use crate::miss::Plan;

/// What becomes of a loaded value in a shared store.
pub(crate) enum Storing {
    Not,
}

impl<K: CacheKey, V: CacheValue, E: LoadError, S: Store<K, V>> Engine<K, V, E, S> {
    pub(crate) async fn lead(
        &self,
        key: &HashedKey<K>,
        request: OpenRequest<'_>,
        plan: Plan,
        leader: Leader<K, V, E>,
    ) -> Result<V, CallError<E>> {
        self.load(key, request, plan, Landing::Leading(leader), Storing::Not).await
    }
}
