//! What other processes drop is dropped from this one's memory, as they announce it.

use std::sync::Weak;
use std::sync::atomic::Ordering;
use std::time::Duration;

use cachescope_core::shared::{ByteStore, Notice, Scope, StoreError};
use cachescope_core::{HashedKey, Store};

use crate::bounds::{CacheKey, CacheValue, LoadError};
use crate::engine::Engine;
use crate::errors::Errors;

/// How soon after its end listening begins anew.
const PAUSE: Duration = Duration::from_secs(1);

impl<K: CacheKey, V: CacheValue, E: LoadError, S: Store<K, V>> Engine<K, V, E, S> {
    /// Listens in a task of its own, if that isn't done already and there is memory to drop from.
    pub(crate) fn listen_behind(&self) {
        let Some(shared) = self.shared.as_ref().filter(|shared| shared.settings.memory_life.is_some()) else { return };
        if shared.listens.load(Ordering::Relaxed) {
            return;
        }
        let Some(spawner) = self.background.spawner() else { return };
        if !shared.listens.swap(true, Ordering::Relaxed) {
            spawner.spawn(listen(Weak::clone(&self.this)));
        }
    }

    /// What was announced has been dropped by another process.
    fn heed(&self, notice: &Notice) {
        match notice {
            Notice::All => self.forget_memory(),
            Notice::Key(words) => {
                let Some(key) = self.shared.as_ref().and_then(|shared| shared.announced(words)) else { return };
                let key = HashedKey::new(self.hash(&key), key);
                self.flights.invalidate(key.as_ref(), || {
                    self.store.remove(key.as_ref());
                    self.errors.iter().for_each(|errors| errors.forget(key.as_ref()));
                });
            }
        }
    }

    fn forget_memory(&self) {
        self.flights.clear(|| {
            self.store.clear();
            self.errors.iter().for_each(Errors::clear);
        });
    }
}

async fn listen<K: CacheKey, V: CacheValue, E: LoadError, S: Store<K, V>>(cache: Weak<Engine<K, V, E, S>>) {
    loop {
        let Some(engine) = cache.upgrade() else { return };
        let Some(shared) = engine.shared.clone() else { return };
        let clock = engine.clock.clone();
        // A cache that nobody else has any more isn't to be kept by its listening.
        drop(engine);
        match listen_once(&cache, &*shared.store, &shared.scope).await {
            Ok(Listened::StoreCannot | Listened::CacheGone) => return,
            Err(error) => tracing::debug!(%error, "listening has ended, and begins anew"),
        }
        clock.sleep(PAUSE).await;
    }
}

/// Why listening has ended for good.
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
    // What was announced before was missed.
    let Some(engine) = cache.upgrade() else { return Ok(Listened::CacheGone) };
    engine.forget_memory();
    drop(engine);
    loop {
        let notice = notices.next().await?;
        let Some(engine) = cache.upgrade() else { return Ok(Listened::CacheGone) };
        engine.heed(&notice);
    }
}
