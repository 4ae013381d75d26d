//! Periodic maintenance of a shared store: it removes entries that can't answer any request, and measures the store's
//! size.

use std::sync::atomic::Ordering;
use std::sync::{PoisonError, Weak};
use std::time::Duration;

use cachescope_core::shared::{StoreError, StoreSize};
use cachescope_core::{Store, StoreUsage};

use super::tier::SharedTier;
use super::time_limit::within;
use crate::engine::Engine;
use crate::engine::bounds::{CacheKey, CacheValue, LoadError};

/// The interval if the cache has no `cleanup_interval`. It spreads the cost; operators are used to gauges that are a
/// minute old.
const INTERVAL: Duration = Duration::from_secs(60);
/// The time limit of maintenance. No caller waits for it.
const TIMEOUT: Duration = Duration::from_secs(60);

impl<K: CacheKey, V: CacheValue, E: LoadError, S: Store<K, V>> Engine<K, V, E, S> {
    /// Starts maintenance in a task of its own, unless it was started.
    pub(crate) fn start_maintenance(&self) {
        let Some(shared) = &self.l2 else { return };
        if shared.maintenance_started.load(Ordering::Relaxed) {
            return;
        }
        let Some(spawner) = self.background.spawner() else { return };
        if !shared.maintenance_started.swap(true, Ordering::Relaxed) {
            spawner.spawn(maintain(Weak::clone(&self.this)));
        }
    }

    /// Asks the shared store for its size.
    pub(crate) async fn shared_size(&self) -> Result<StoreSize, StoreError> {
        let Some(shared) = &self.l2 else { return Ok(StoreSize::default()) };
        within(self.clock.sleep(TIMEOUT), shared.store.size(&shared.scope)).await
    }

    /// Returns the usage at the last measurement, if the cache keeps nothing in memory.
    pub(crate) fn l2_usage(&self) -> Option<StoreUsage> {
        let shared = self.l2.as_ref().filter(|shared| shared.settings.memory_ttl.is_none())?;
        let size = *shared.size.lock().unwrap_or_else(PoisonError::into_inner);
        Some(StoreUsage { entries: size.entries.unwrap_or(0), bytes: size.bytes, ..StoreUsage::default() })
    }
}

impl<K, V> SharedTier<K, V> {
    fn saw(&self, size: StoreSize) {
        *self.size.lock().unwrap_or_else(PoisonError::into_inner) = size;
    }
}

async fn maintain<K: CacheKey, V: CacheValue, E: LoadError, S: Store<K, V>>(cache: Weak<Engine<K, V, E, S>>) {
    loop {
        let Some(engine) = cache.upgrade() else { return };
        let Some(shared) = engine.l2.clone() else { return };
        let clock = engine.clock.clone();
        if let Ok(size) = engine.shared_size().await {
            shared.saw(size);
        }
        // Maintenance must not keep a dropped cache alive.
        drop(engine);
        clock.sleep(shared.maintenance_interval.unwrap_or(INTERVAL)).await;
        // After a failure, the next run tries again.
        let _ = within(clock.sleep(TIMEOUT), shared.store.sweep(&shared.scope)).await;
    }
}
