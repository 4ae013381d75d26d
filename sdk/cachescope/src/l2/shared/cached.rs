//! The operations of [`Cached`] on its shared store.

use std::hash::Hash;

use cachescope_core::Store;
use cachescope_core::shared::{StoreError, StoreSize};

use crate::cached::Cached;

impl<K, V, E, S> Cached<K, V, E, S>
where
    K: Hash + Eq + Clone + Send + Sync + 'static,
    V: Clone + Send + Sync + 'static,
    E: Send + Sync + 'static,
    S: Store<K, V>,
{
    /// Waits until the shared store has received all pending insertions and removals. Without this call they are
    /// delivered in the background, and again with requests for their keys.
    ///
    /// # Errors
    /// If the store fails; the delivery is then tried again later. Until it succeeds, this cache doesn't trust the
    /// store's entries of those keys, and other processes may serve them.
    pub async fn flush(&self) -> Result<(), StoreError> {
        match &self.engine.l2 {
            Some(shared) => shared.deliver(self.engine.guards()).await,
            None => Ok(()),
        }
    }

    /// Returns how much of this cache the shared store holds, and whether the number is counted or estimated. Asks the
    /// store, which may take some time. [`Stats::usage`](crate::Stats::usage) has a value that is at most a minute old.
    ///
    /// # Errors
    /// If the store fails, or takes longer than a minute.
    pub async fn shared_size(&self) -> Result<StoreSize, StoreError> {
        self.engine.shared_size().await
    }
}
