//! What is done about a shared store now and then: entries whose life is over are dropped, and it is asked how much it
//! holds.

use std::sync::atomic::Ordering;
use std::sync::{PoisonError, Weak};
use std::time::Duration;

use cachescope_core::shared::{StoreError, StoreSize};
use cachescope_core::{Levels, Store};

use super::limit::within;
use super::tier::SharedTier;
use crate::bounds::{CacheKey, CacheValue, LoadError};
use crate::engine::Engine;

/// How often, where the cache has no `cleanup_interval`: what it costs is spread over as long, and a level a minute old
/// is one that telemetry's readers are used to.
const INTERVAL: Duration = Duration::from_secs(60);
/// Nobody waits for it.
const TIMEOUT: Duration = Duration::from_secs(60);

impl<K: CacheKey, V: CacheValue, E: LoadError, S: Store<K, V>> Engine<K, V, E, S> {
    /// Begins with it in a task of its own, if that hasn't been done.
    pub(crate) fn keep_up_behind(&self) {
        let Some(shared) = &self.shared else { return };
        if shared.kept_up.load(Ordering::Relaxed) {
            return;
        }
        let Some(spawner) = self.background.spawner() else { return };
        if !shared.kept_up.swap(true, Ordering::Relaxed) {
            spawner.spawn(keep_up(Weak::clone(&self.this)));
        }
    }

    /// How much the shared store holds of this cache.
    pub(crate) async fn shared_size(&self) -> Result<StoreSize, StoreError> {
        let Some(shared) = &self.shared else { return Ok(StoreSize::default()) };
        within(self.clock.sleep(TIMEOUT), shared.store.size(&shared.scope)).await
    }

    /// How full the store is that holds the cache's entries: the shared one, as it was last seen, where there is
    /// nothing in memory.
    pub(crate) fn shared_levels(&self) -> Option<Levels> {
        let shared = self.shared.as_ref().filter(|shared| shared.settings.memory_life.is_none())?;
        let size = *shared.size.lock().unwrap_or_else(PoisonError::into_inner);
        Some(Levels { entries: size.entries.unwrap_or(0), bytes: size.bytes, ..Levels::default() })
    }
}

impl<K, V> SharedTier<K, V> {
    fn saw(&self, size: StoreSize) {
        *self.size.lock().unwrap_or_else(PoisonError::into_inner) = size;
    }
}

async fn keep_up<K: CacheKey, V: CacheValue, E: LoadError, S: Store<K, V>>(cache: Weak<Engine<K, V, E, S>>) {
    loop {
        let Some(engine) = cache.upgrade() else { return };
        let Some(shared) = engine.shared.clone() else { return };
        let clock = engine.clock.clone();
        if let Ok(size) = engine.shared_size().await {
            shared.saw(size);
        }
        // A cache that nobody else has any more isn't to be kept by its upkeep.
        drop(engine);
        clock.sleep(shared.upkeep.unwrap_or(INTERVAL)).await;
        // What fails is tried again the next time.
        let _ = within(clock.sleep(TIMEOUT), shared.store.sweep(&shared.scope)).await;
    }
}
