//! The counter of a store's evictions.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use super::eviction_listener::EvictionListener;
use crate::event::{Event, Observer, notify};
use crate::identity::CacheIdentity;
use crate::outcome::EvictionReason;

/// The counter into which a store counts its evictions, by reason. Clones share their numbers. Counting costs one
/// relaxed atomic addition.
///
/// ```
/// use cachescope_core::{EvictionReason, Evictions};
///
/// let evictions = Evictions::default();
/// evictions.clone().count(EvictionReason::Size);
/// assert_eq!(evictions.get(EvictionReason::Size), 1);
/// ```
#[derive(Clone, Debug, Default)]
pub struct Evictions {
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    counts: [AtomicU64; EvictionReason::ALL.len()],
    observer: OnceLock<(CacheIdentity, Arc<dyn Observer>)>,
    listener: OnceLock<Arc<dyn EvictionListener>>,
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Counts").field(&self.counts).finish()
    }
}

impl Evictions {
    /// Counts one entry that left the store.
    pub fn count(&self, reason: EvictionReason) {
        self.shared.counts[reason as usize].fetch_add(1, Ordering::Relaxed);
        if let Some((cache, observer)) = self.shared.observer.get() {
            notify(&**observer, cache, Event::Evicted { reason });
        }
    }

    /// Counts one entry that left the store, and passes the hash of its key to the listener. A replaced entry isn't
    /// passed, since a newer one exists.
    pub fn on_evict(&self, hash: u64, reason: EvictionReason) {
        self.count(reason);
        if reason == EvictionReason::Replaced {
            return;
        }
        if let Some(listener) = self.shared.listener.get() {
            listener.on_evict(hash, reason);
        }
    }

    /// Sets the listener that [`Evictions::on_evict`] calls. Only the first call has an effect.
    pub fn set_listener(&self, listener: Arc<dyn EvictionListener>) {
        let _ = self.shared.listener.set(listener);
    }

    /// Returns the number of entries that left for this reason.
    #[must_use]
    pub fn get(&self, reason: EvictionReason) -> u64 {
        self.shared.counts[reason as usize].load(Ordering::Relaxed)
    }

    /// Sets the observer that receives each eviction. Only the first call has an effect.
    pub fn set_observer(&self, cache: CacheIdentity, observer: Arc<dyn Observer>) {
        let _ = self.shared.observer.set((cache, observer));
    }
}
