//! The context of a case: its own scopes, and operations with checks.

use std::hash::{BuildHasher, RandomState};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use cachescope_core::shared::{ByteStore, LeaseResult, LeaseToken, Scope, StoreKey};
use cachescope_core::{Clock, Timestamp};

use super::violation::{Bytes, Mismatch, expect_eq};

/// TTLs to try in this order, until the machine is fast enough to see an entry within its TTL.
pub(super) const TTLS: [Duration; 4] =
    [Duration::from_millis(300), Duration::from_millis(1_500), Duration::from_secs(6), Duration::from_secs(20)];

/// A TTL longer than any case takes.
pub(super) const LONG: Duration = Duration::from_secs(3_600);

/// The interval between reads of something that must expire.
const POLL_INTERVAL: Duration = Duration::from_millis(10);

pub(super) struct TestContext<'a> {
    pub(super) store: &'a dyn ByteStore,
    pub(super) clock: Clock,
    namespace: String,
    scopes: Mutex<Vec<Scope>>,
}

/// Something that expires.
#[derive(Clone, Copy)]
pub(super) enum Expiring<'a> {
    /// An entry.
    Entry(&'a StoreKey),
    /// A lease. The token acquires it once it has expired.
    Lease(&'a StoreKey, LeaseToken),
}

impl<'a> TestContext<'a> {
    pub(super) fn new(store: &'a dyn ByteStore) -> Self {
        let namespace = format!("contract-{:016x}", random());
        Self { store, clock: Clock::system(), namespace, scopes: Mutex::default() }
    }

    /// Returns the scope of the cache with this name.
    pub(super) fn scope(&self, cache: &str) -> Result<Scope, Mismatch> {
        self.scope_of_version(cache, 1)
    }

    pub(super) fn scope_of_version(&self, cache: &str, version: u32) -> Result<Scope, Mismatch> {
        let scope = Scope::new(&self.namespace, cache, version)?;
        let mut scopes = self.scopes.lock().unwrap_or_else(PoisonError::into_inner);
        if !scopes.contains(&scope) {
            scopes.push(scope.clone());
        }
        drop(scopes);
        Ok(scope)
    }

    /// Returns a key in the scope that most cases use.
    pub(super) fn key(&self, name: &str) -> Result<StoreKey, Mismatch> {
        Ok(self.scope("cache")?.key(name)?)
    }

    /// Removes everything that the case stored. Errors are ignored, because another case reports them.
    pub(super) async fn clean(&self) {
        let scopes = std::mem::take(&mut *self.scopes.lock().unwrap_or_else(PoisonError::into_inner));
        for scope in scopes {
            let _ = self.store.clear(&scope).await;
        }
    }

    /// Stores without a lease, and expects success.
    pub(super) async fn put(&self, key: &StoreKey, bytes: &[u8], ttl: Option<Duration>) -> Result<(), Mismatch> {
        expect_eq("whether a put without a lease stores", self.store.put(key, bytes, ttl, None).await?, true)
    }

    /// Stores with a lease, and returns whether the store accepted it.
    pub(super) async fn put_with_lease(
        &self,
        key: &StoreKey,
        bytes: &[u8],
        token: LeaseToken,
    ) -> Result<bool, Mismatch> {
        Ok(self.store.put(key, bytes, Some(LONG), Some(token)).await?)
    }

    /// Expects this value to be stored under `key`.
    pub(super) async fn expect_value(
        &self,
        what: &str,
        key: &StoreKey,
        expected: Option<&[u8]>,
    ) -> Result<(), Mismatch> {
        expect_eq(what, self.store.get(key).await?.as_deref().map(Bytes), expected.map(Bytes))
    }

    /// Expects a request for a lease to be granted.
    pub(super) async fn expect_granted(&self, what: &str, key: &StoreKey, token: LeaseToken) -> Result<(), Mismatch> {
        let leased = self.store.lease(key, token, LONG).await?;
        expect_eq(
            what,
            if matches!(leased, LeaseResult::Granted(_)) { "granted" } else { "held by another token" },
            "granted",
        )
    }

    /// Expects a request for a lease to be refused.
    pub(super) async fn expect_held(&self, what: &str, key: &StoreKey, token: LeaseToken) -> Result<(), Mismatch> {
        expect_eq(what, self.store.lease(key, token, LONG).await?, LeaseResult::Held)
    }

    /// Waits until `what` has expired, and expects that it lasted for `ttl`. Its time started between `started` and
    /// `done`. Returns whether it was seen before its end: if not, the machine is too slow and must try a longer TTL.
    pub(super) async fn ends(
        &self,
        what: Expiring<'_>,
        ttl: Duration,
        started: Timestamp,
        done: Timestamp,
    ) -> Result<bool, Mismatch> {
        // The store may use another clock, which may have a coarse resolution.
        let slack = ttl / 5;
        let mut seen = false;
        loop {
            let asked = self.clock.now();
            let there = match what {
                Expiring::Entry(key) => self.store.get(key).await?.is_some(),
                Expiring::Lease(key, token) => self.store.lease(key, token, LONG).await? == LeaseResult::Held,
            };
            let early = self.clock.now().since(started) < ttl - slack;
            if !there {
                if early {
                    return Err(Mismatch::new(
                        format!("an entry or lease that lasts for {ttl:?}"),
                        "one that ended before 80 % of that",
                    ));
                }
                return Ok(seen);
            }
            if asked.since(done) > ttl + slack {
                return Err(Mismatch::new(
                    format!("an entry or lease that ends after {ttl:?}"),
                    "one that existed after 120 % of that",
                ));
            }
            seen |= early;
            self.clock.sleep(POLL_INTERVAL).await;
        }
    }

    /// Waits until anything with a TTL of at most `ttl` from now has expired.
    pub(super) async fn wait_past(&self, ttl: Duration) {
        self.clock.sleep(ttl + ttl / 5).await;
    }
}

/// Returns the error of a case that was always too slow to see the entry.
pub(super) fn too_slow() -> Mismatch {
    Mismatch::new("an answer within 20 seconds", "none: the machine is too slow to see when an entry ends")
}

/// Returns a unique token.
pub(super) fn token() -> LeaseToken {
    LeaseToken::from_random(random())
}

/// Returns a random number, from the keys that the standard library draws for hash maps.
fn random() -> u64 {
    RandomState::new().hash_one(0)
}
