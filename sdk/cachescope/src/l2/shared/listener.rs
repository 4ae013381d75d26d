//! The listener: removes from memory what other processes announce as invalidated.

use std::sync::Weak;
use std::sync::atomic::Ordering;
use std::time::Duration;

use cachescope_core::shared::{ByteStore, Invalidation, Scope, StoreError};
use cachescope_core::{HashedKey, Store};

use crate::engine::Engine;
use crate::engine::bounds::{CacheKey, CacheValue, LoadError};

/// The pause before the next subscription.
const PAUSE: Duration = Duration::from_secs(1);

impl<K: CacheKey, V: CacheValue, E: LoadError, S: Store<K, V>> Engine<K, V, E, S> {
    /// Starts the listener in a task of its own, unless it runs or there is no memory.
    pub(crate) fn start_listener(&self) {
        let Some(shared) = self.l2.as_ref().filter(|shared| shared.settings.memory_ttl.is_some()) else { return };
        if shared.listener_started.load(Ordering::Relaxed) {
            return;
        }
        let Some(spawner) = self.background.spawner() else { return };
        if !shared.listener_started.swap(true, Ordering::Relaxed) {
            spawner.spawn(listen(Weak::clone(&self.this)));
        }
    }

    /// Removes from memory what another process invalidated.
    fn apply_invalidation(&self, notice: &Invalidation) {
        match notice {
            Invalidation::All => self.forget_memory(),
            Invalidation::Key(words) => {
                let Some(key) = self.l2.as_ref().and_then(|shared| shared.announced(words)) else { return };
                let key = HashedKey::new(self.memory.hash(&key), key);
                self.loading.flights.invalidate(key.as_ref(), || {
                    self.memory.remove(key.as_ref());
                });
            }
        }
    }

    fn forget_memory(&self) {
        self.loading.flights.clear(|| {
            self.memory.clear();
        });
    }
}

async fn listen<K: CacheKey, V: CacheValue, E: LoadError, S: Store<K, V>>(cache: Weak<Engine<K, V, E, S>>) {
    loop {
        let Some(engine) = cache.upgrade() else { return };
        let Some(shared) = engine.l2.clone() else { return };
        let clock = engine.clock.clone();
        // The listener must not keep a dropped cache alive.
        drop(engine);
        match listen_once(&cache, &*shared.store, &shared.scope).await {
            Ok(Listened::StoreCannot | Listened::CacheGone) => return,
            Err(error) => tracing::debug!(%error, "subscription to invalidations ended: subscribing again"),
        }
        clock.sleep(PAUSE).await;
    }
}

/// The reason for which the listener ended for good.
enum Listened {
    StoreCannot,
    CacheGone,
}

async fn listen_once<K: CacheKey, V: CacheValue, E: LoadError, S: Store<K, V>>(
    cache: &Weak<Engine<K, V, E, S>>,
    store: &dyn ByteStore,
    scope: &Scope,
) -> Result<Listened, StoreError> {
    let Some(mut notices) = store.listen(scope).await? else { return Ok(Listened::StoreCannot) };
    // Announcements before the subscription were missed.
    let Some(engine) = cache.upgrade() else { return Ok(Listened::CacheGone) };
    engine.forget_memory();
    drop(engine);
    loop {
        let notice = notices.next().await?;
        let Some(engine) = cache.upgrade() else { return Ok(Listened::CacheGone) };
        engine.apply_invalidation(&notice);
    }
}
