//! What a fleet keeps in its store: who is in it, and what each published.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use cachescope_core::shared::{
    ByteStore, Json, Leased, Scope, Shared, SharedStore, StoreError, StoreKey, StoredValue, Wire,
};
use cachescope_core::{Clock, ConfigError, StoreErrorKind};

use super::id::InstanceId;
use super::published::Published;
use super::roster::Roster;
use crate::shared::{Lease, random, within};

/// Under what name, where caches have theirs.
const CACHE: &str = "cachescope.fleet";
/// What an instance may publish: room for some 900 busy caches, uncompressed, and within what every store takes.
const LARGEST: usize = 8 << 20;
/// A roster that nobody renews is of a fleet that is gone.
const ROSTER_LIFE: Duration = Duration::from_secs(24 * 60 * 60);
/// How often one tries to change the roster while others do, and how long the first pause is; each may be twice as long
/// as the one before. In all some 3 seconds, in which hundreds can take their turns.
const TRIES: u32 = 8;
const PAUSE: Duration = Duration::from_millis(25);

/// Where a fleet is in a store, and how the store is gone about.
pub(super) struct Place {
    store: Arc<dyn ByteStore>,
    scope: Scope,
    instances: Wire<Published>,
    rosters: Wire<Roster>,
    /// Of one operation.
    pub(super) timeout: Duration,
    pub(super) clock: Clock,
}

/// What is stored under a key.
#[derive(Debug, PartialEq)]
pub(super) enum Kept<T> {
    Nothing,
    /// What isn't ours, isn't whole or is of a version that we can't read.
    Unreadable,
    /// It, and how long ago it was written by its writer's clock and ours.
    Is(T, Duration),
}

impl<T> Kept<T> {
    pub(super) fn known(self) -> Option<T> {
        match self {
            Self::Is(value, _) => Some(value),
            Self::Nothing | Self::Unreadable => None,
        }
    }
}

impl Place {
    pub(super) fn new(
        name: &str,
        store: Arc<dyn ByteStore>,
        timeout: Duration,
        clock: Clock,
    ) -> Result<Self, ConfigError> {
        let shared = Shared::new(store).namespace(name).timeout(timeout).codec(Json);
        // As it is: a process without `zstd` that couldn't read it would write over it.
        let SharedStore { store, scope, wire, .. } = shared.clone().schema("roster").build::<String, _>(CACHE)?;
        #[cfg(feature = "zstd")]
        let shared = shared.compress_above(512);
        let instances = shared.schema("instance").build::<String, _>(CACHE)?;
        Ok(Self { store, scope, instances: instances.wire, rosters: wire, timeout, clock })
    }

    /// What an instance publishes now, as it is stored.
    pub(super) fn encode(&self, id: InstanceId, published: Published) -> Result<Vec<u8>, StoreError> {
        let bytes = self.instances.encode(&self.instance_key(id), &self.written_now(published))?;
        if bytes.len() > LARGEST {
            let why = format!("an instance publishes at most {LARGEST} bytes: give caches that are many one name");
            return Err(StoreError::new(StoreErrorKind::Unencodable, why));
        }
        Ok(bytes)
    }

    pub(super) async fn put(&self, id: InstanceId, bytes: &[u8], life: Duration) -> Result<(), StoreError> {
        let key = self.instance_key(id);
        self.ask(async { self.store.put(&key, bytes, Some(life), None).await.map(|_| ()) }).await
    }

    pub(super) async fn published(&self, id: InstanceId) -> Result<Kept<Published>, StoreError> {
        let key = self.instance_key(id);
        let bytes = self.ask(async { self.store.get(&key).await }).await?;
        Ok(self.kept(&self.instances, &key, bytes))
    }

    pub(super) async fn roster(&self) -> Result<Kept<Roster>, StoreError> {
        let key = self.roster_key();
        let bytes = self.ask(async { self.store.get(&key).await }).await?;
        Ok(self.kept(&self.rosters, &key, bytes))
    }

    /// Whether a roster is to be renewed, which was written so long ago.
    pub(super) fn is_old(age: Duration) -> bool {
        age > ROSTER_LIFE / 4
    }

    /// Makes the roster what `change` makes of it, though others change it as well.
    pub(super) async fn change_roster(
        &self,
        change: impl Fn(Roster) -> Result<Roster, StoreError>,
    ) -> Result<(), StoreError> {
        for attempt in 0..TRIES {
            if self.try_to_change_roster(&change).await? {
                return Ok(());
            }
            let longest = PAUSE * (1 << attempt);
            self.clock.sleep(longest.mul_f64(random() as f64 / u64::MAX as f64)).await;
        }
        Err(StoreError::new(StoreErrorKind::Timeout, "others were listing themselves all the time"))
    }

    /// Whether it could. The lease fences: what is stored is made of what was there.
    async fn try_to_change_roster(
        &self,
        change: impl Fn(Roster) -> Result<Roster, StoreError>,
    ) -> Result<bool, StoreError> {
        let (key, token) = (self.roster_key(), Lease::draw());
        // Whoever dies here is waited for so long; two operations are to fit in.
        let term = self.timeout.saturating_mul(4);
        let Leased::Granted(bytes) = self.ask(async { self.store.lease(&key, token, term).await }).await? else {
            return Ok(false);
        };
        // Given back by its end, if it isn't used.
        let lease = Lease::new(Arc::clone(&self.store), key.clone(), token);
        let roster = change(self.kept(&self.rosters, &key, bytes).known().unwrap_or_default())?;
        let bytes = self.rosters.encode(&key, &self.written_now(roster))?;
        let put = self.ask(async { self.store.put(&key, &bytes, Some(ROSTER_LIFE), Some(token)).await }).await?;
        lease.used();
        Ok(put)
    }

    /// Has the store let go of what is past its life, where it doesn't do so by itself.
    pub(super) async fn sweep(&self) -> Result<(), StoreError> {
        self.ask(async { self.store.sweep(&self.scope).await.map(|_| ()) }).await
    }

    async fn ask<T>(&self, asked: impl Future<Output = Result<T, StoreError>>) -> Result<T, StoreError> {
        within(self.clock.sleep(self.timeout), asked).await
    }

    fn instance_key(&self, id: InstanceId) -> StoreKey {
        self.scope.key_of_json(&format!("\"{id}\""))
    }

    fn roster_key(&self) -> StoreKey {
        self.scope.key_of_json("\"roster\"")
    }

    fn written_now<T>(&self, value: T) -> StoredValue<T> {
        StoredValue { value, stored_at: self.now(), fresh_until: None, cost: Duration::ZERO }
    }

    fn kept<T: 'static>(&self, wire: &Wire<T>, key: &StoreKey, bytes: Option<Vec<u8>>) -> Kept<T> {
        let Some(bytes) = bytes else { return Kept::Nothing };
        match wire.decode(key, &bytes) {
            // Written by a clock that is ahead, it is from now.
            Ok(stored) => Kept::Is(stored.value, self.now().duration_since(stored.stored_at).unwrap_or_default()),
            Err(_) => Kept::Unreadable,
        }
    }

    fn now(&self) -> SystemTime {
        self.clock.wall(self.clock.now())
    }
}

impl fmt::Debug for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Place").field("store", &self.store).field("scope", &self.scope).finish_non_exhaustive()
    }
}
