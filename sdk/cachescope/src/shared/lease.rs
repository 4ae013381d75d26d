//! The right to load a key, held across processes.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::Arc;

use cachescope_core::shared::{ByteStore, LeaseToken, StoreKey};
use tokio::runtime::Handle;

/// What becomes of a loaded value in the shared store.
pub(crate) enum Storing {
    /// It isn't stored there.
    Not,
    /// It is stored, whoever else loads the key.
    Over,
    /// It is stored if this is still held.
    Under(Lease),
}

/// A lease that is held. Dropped before its value is stored, it is given back.
pub(crate) struct Lease {
    store: Arc<dyn ByteStore>,
    key: StoreKey,
    token: LeaseToken,
    used: bool,
}

impl Lease {
    pub(crate) fn new(store: Arc<dyn ByteStore>, key: StoreKey, token: LeaseToken) -> Self {
        Self { store, key, token, used: false }
    }

    /// A token to ask for one with.
    pub(crate) fn draw() -> LeaseToken {
        LeaseToken::from_random(random())
    }

    /// Its token, for the `put` that ends it.
    pub(crate) fn token(&self) -> LeaseToken {
        self.token
    }

    /// It has ended.
    pub(crate) fn used(mut self) {
        self.used = true;
    }
}

/// A number that no other process draws: the hash of nothing, with keys that the system gave at random.
pub(crate) fn random() -> u64 {
    RandomState::new().build_hasher().finish()
}

impl Drop for Lease {
    fn drop(&mut self) {
        if self.used {
            return;
        }
        // Where no runtime is left, it ends by its term.
        let Ok(runtime) = Handle::try_current() else { return };
        let (store, key, token) = (Arc::clone(&self.store), self.key.clone(), self.token);
        runtime.spawn(async move {
            // Whatever goes wrong, its term ends it.
            let _ = store.release(&key, token).await;
        });
    }
}
