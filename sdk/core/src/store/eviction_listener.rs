//! A listener for evictions.

use crate::outcome::EvictionReason;

/// Receives the evictions of a store. Called on the thread that removes the entry, under the store's locks, so it must
/// be quick and must not call the store.
#[doc(alias = "eviction listener")]
#[doc(alias = "removal listener")]
pub trait EvictionListener: Send + Sync + 'static {
    /// Called when the entry of the key with this hash left the store, and no newer entry replaced it.
    fn on_evict(&self, hash: u64, reason: EvictionReason);
}
