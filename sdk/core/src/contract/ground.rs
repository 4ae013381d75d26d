//! Where a case plays: scopes that are nobody else's, and the operations as it asks for them.

use std::hash::{BuildHasher, RandomState};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use super::broken::{Bytes, Seen, same};
use crate::clock::{Clock, Moment};
use crate::shared::{ByteStore, LeaseToken, Leased, Scope, StoreKey};

/// Lives to try one after the other, until the machine is quick enough to see something within it.
pub(super) const LIVES: [Duration; 4] =
    [Duration::from_millis(300), Duration::from_millis(1_500), Duration::from_secs(6), Duration::from_secs(20)];

/// Longer than any case takes.
pub(super) const LONG: Duration = Duration::from_secs(3_600);

/// How often what is to end is looked at.
const LOOK: Duration = Duration::from_millis(10);

pub(super) struct Ground<'a> {
    pub(super) store: &'a dyn ByteStore,
    pub(super) clock: Clock,
    namespace: String,
    scopes: Mutex<Vec<Scope>>,
}

/// What ends by itself.
#[derive(Clone, Copy)]
pub(super) enum Ending<'a> {
    /// An entry.
    Entry(&'a StoreKey),
    /// A lease, which the token takes once it may.
    Lease(&'a StoreKey, LeaseToken),
}

impl<'a> Ground<'a> {
    pub(super) fn new(store: &'a dyn ByteStore) -> Self {
        let namespace = format!("contract-{:016x}", random());
        Self { store, clock: Clock::system(), namespace, scopes: Mutex::default() }
    }

    /// The scope of the cache called so.
    pub(super) fn scope(&self, cache: &str) -> Result<Scope, Seen> {
        self.scope_of_version(cache, 1)
    }

    pub(super) fn scope_of_version(&self, cache: &str, version: u32) -> Result<Scope, Seen> {
        let scope = Scope::new(&self.namespace, cache, version)?;
        let mut scopes = self.scopes.lock().unwrap_or_else(PoisonError::into_inner);
        if !scopes.contains(&scope) {
            scopes.push(scope.clone());
        }
        drop(scopes);
        Ok(scope)
    }

    /// A key of the scope that most cases use.
    pub(super) fn key(&self, name: &str) -> Result<StoreKey, Seen> {
        Ok(self.scope("cache")?.key(name)?)
    }

    /// Leaves a server as it was found. That it fails is another case's to tell.
    pub(super) async fn clean(&self) {
        let scopes = std::mem::take(&mut *self.scopes.lock().unwrap_or_else(PoisonError::into_inner));
        for scope in scopes {
            let _ = self.store.clear(&scope).await;
        }
    }

    /// Stores without a lease.
    pub(super) async fn put(&self, key: &StoreKey, bytes: &[u8], life: Option<Duration>) -> Result<(), Seen> {
        same("a put without a lease stores", self.store.put(key, bytes, life, None).await?, true)
    }

    /// Stores with a lease, and says whether it did.
    pub(super) async fn fenced(&self, key: &StoreKey, bytes: &[u8], token: LeaseToken) -> Result<bool, Seen> {
        Ok(self.store.put(key, bytes, Some(LONG), Some(token)).await?)
    }

    /// Holds what is stored to what is promised to be.
    pub(super) async fn holds(&self, what: &str, key: &StoreKey, promised: Option<&[u8]>) -> Result<(), Seen> {
        same(what, self.store.get(key).await?.as_deref().map(Bytes), promised.map(Bytes))
    }

    /// Holds a wish for a lease to being granted.
    pub(super) async fn granted(&self, what: &str, key: &StoreKey, token: LeaseToken) -> Result<(), Seen> {
        let leased = self.store.lease(key, token, LONG).await?;
        same(what, if matches!(leased, Leased::Granted(_)) { "granted" } else { "held by another" }, "granted")
    }

    /// Holds a wish for a lease to being declined.
    pub(super) async fn held(&self, what: &str, key: &StoreKey, token: LeaseToken) -> Result<(), Seen> {
        same(what, self.store.lease(key, token, LONG).await?, Leased::Held)
    }

    /// Waits until `what`, which `begun..done` began to last for `life`, has ended, and holds it to having lasted so
    /// long. Whether it was seen before its end: a machine that is too slow for that has to try a longer life.
    pub(super) async fn ends(
        &self,
        what: Ending<'_>,
        life: Duration,
        begun: Moment,
        done: Moment,
    ) -> Result<bool, Seen> {
        // The store's clock may be another one than ours, and may tick in steps.
        let slack = life / 5;
        let mut seen = false;
        loop {
            let asked = self.clock.now();
            let there = match what {
                Ending::Entry(key) => self.store.get(key).await?.is_some(),
                Ending::Lease(key, token) => self.store.lease(key, token, LONG).await? == Leased::Held,
            };
            let early = self.clock.now().since(begun) < life - slack;
            if !there {
                if early {
                    return Err(Seen::new(format!("it lasts for {life:?}"), "that it ended before 80 % of it"));
                }
                return Ok(seen);
            }
            if asked.since(done) > life + slack {
                return Err(Seen::new(format!("it ends after {life:?}"), "that it was there after 120 % of it"));
            }
            seen |= early;
            self.clock.sleep(LOOK).await;
        }
    }

    /// Lets what lasts for `life` from now at most be over.
    pub(super) async fn outlive(&self, life: Duration) {
        self.clock.sleep(life + life / 5).await;
    }
}

/// The error of a case that never got to see what it is about.
pub(super) fn too_slow() -> Seen {
    Seen::new("an answer within 20 seconds", "none: too slow to tell when something ends")
}

/// A token that nobody else has.
pub(super) fn token() -> LeaseToken {
    LeaseToken::from_random(random())
}

/// From the keys that the standard library draws for its hash maps.
fn random() -> u64 {
    RandomState::new().hash_one(0)
}
