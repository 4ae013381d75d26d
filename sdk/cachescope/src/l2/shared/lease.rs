//! The lease: the right to load a key, held across processes.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::Arc;

use cachescope_core::shared::{ByteStore, LeaseToken, StoreKey};
use tokio::runtime::Handle;

/// Whether and how a loaded value is written to the shared store.
pub(crate) enum Storing {
    /// Not written.
    Not,
    /// Written, even if another process loads the key.
    Over,
    /// Written if this lease is still held.
    Under(Lease),
}

/// A held lease. Dropped before its value is stored, it is released.
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

    /// Draws a token for a lease.
    pub(crate) fn draw() -> LeaseToken {
        LeaseToken::from_random(random())
    }

    /// Returns the token, for the `put` that ends the lease.
    pub(crate) fn token(&self) -> LeaseToken {
        self.token
    }

    /// Marks the lease as ended.
    pub(crate) fn used(mut self) {
        self.used = true;
    }
}

/// Returns a random number that identifies this cache among all processes: a hash of nothing with random keys.
pub(crate) fn random() -> u64 {
    RandomState::new().build_hasher().finish()
}

impl Drop for Lease {
    fn drop(&mut self) {
        if self.used {
            return;
        }
        // Without a runtime, the lease ends by its term.
        let Ok(runtime) = Handle::try_current() else { return };
        let (store, key, token) = (Arc::clone(&self.store), self.key.clone(), self.token);
        runtime.spawn(async move {
            // A failure is harmless: the lease ends by its term.
            let _ = store.release(&key, token).await;
        });
    }
}
