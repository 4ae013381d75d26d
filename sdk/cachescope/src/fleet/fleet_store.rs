//! The fleet's data in its store: the list of instances, and the numbers that each published.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use cachescope_core::shared::{
    ByteStore, Json, LeaseResult, Scope, Shared, SharedStore, StoreError, StoreKey, StoredValue, Wire,
};
use cachescope_core::{Clock, ConfigError, StoreErrorKind};

use super::id::InstanceId;
use super::instance_list::InstanceList;
use super::publication::Publication;
use crate::l2::{Lease, random, within};

/// The cache name in the keys of the fleet.
const CACHE: &str = "cachescope.fleet";
/// The largest publication: enough for about 900 busy caches without compression, and within the limits of all stores.
const MAX_PUBLICATION: usize = 8 << 20;
/// The time after which a list that no instance renews is dropped: that fleet has ended.
const INSTANCE_LIST_TTL: Duration = Duration::from_secs(24 * 60 * 60);
/// The attempts to change the instance list while others do, and the first pause. Each pause may be twice as long as
/// the one before. In all that is about 3 seconds, enough for hundreds of instances to take their turns.
const TRIES: u32 = 8;
const PAUSE: Duration = Duration::from_millis(25);

/// The store of a fleet, with its keys, encodings and limits.
pub(super) struct FleetStore {
    store: Arc<dyn ByteStore>,
    scope: Scope,
    instances: Wire<Publication>,
    instance_lists: Wire<InstanceList>,
    /// The time limit of one operation.
    pub(super) timeout: Duration,
    pub(super) clock: Clock,
}

/// A value read from the store.
#[derive(Debug, PartialEq)]
pub(super) enum Stored<T> {
    Missing,
    /// Foreign or damaged bytes, or those of an unknown version.
    Unreadable,
    /// The value, and its age by the clocks of its writer and of this process.
    Present(T, Duration),
}

impl<T> Stored<T> {
    pub(super) fn into_value(self) -> Option<T> {
        match self {
            Self::Present(value, _) => Some(value),
            Self::Missing | Self::Unreadable => None,
        }
    }
}

impl FleetStore {
    pub(super) fn new(
        name: &str,
        store: Arc<dyn ByteStore>,
        timeout: Duration,
        clock: Clock,
    ) -> Result<Self, ConfigError> {
        let shared = Shared::new(store).namespace(name).timeout(timeout).codec(Json);
        // Never compressed: a process without `zstd` couldn't read the list, and would overwrite it.
        let SharedStore { store, scope, wire, .. } =
            shared.clone().schema("instance_list").build::<String, _>(CACHE)?;
        #[cfg(feature = "zstd")]
        let shared = shared.compress_above(512);
        let instances = shared.schema("instance").build::<String, _>(CACHE)?;
        Ok(Self { store, scope, instances: instances.wire, instance_lists: wire, timeout, clock })
    }

    /// Encodes the publication of an instance.
    pub(super) fn encode(&self, id: InstanceId, publication: Publication) -> Result<Vec<u8>, StoreError> {
        let bytes = self.instances.encode(&self.instance_key(id), &self.stored_now(publication))?;
        if bytes.len() > MAX_PUBLICATION {
            let why = format!(
                "an instance can publish at most {MAX_PUBLICATION} bytes, got {}: give similar caches the same name",
                bytes.len()
            );
            return Err(StoreError::new(StoreErrorKind::Unencodable, why));
        }
        Ok(bytes)
    }

    pub(super) async fn put(&self, id: InstanceId, bytes: &[u8], max_age: Duration) -> Result<(), StoreError> {
        let key = self.instance_key(id);
        self.with_timeout(async { self.store.put(&key, bytes, Some(max_age), None).await.map(|_| ()) }).await
    }

    pub(super) async fn publication(&self, id: InstanceId) -> Result<Stored<Publication>, StoreError> {
        let key = self.instance_key(id);
        let bytes = self.with_timeout(async { self.store.get(&key).await }).await?;
        Ok(self.decode(&self.instances, &key, bytes))
    }

    pub(super) async fn instance_list(&self) -> Result<Stored<InstanceList>, StoreError> {
        let key = self.instance_list_key();
        let bytes = self.with_timeout(async { self.store.get(&key).await }).await?;
        Ok(self.decode(&self.instance_lists, &key, bytes))
    }

    /// Returns whether an instance list of this age must be renewed.
    pub(super) fn must_be_renewed(age: Duration) -> bool {
        age > INSTANCE_LIST_TTL / 4
    }

    /// Applies `change` to the instance list, while other instances change it too.
    pub(super) async fn change_instance_list(
        &self,
        change: impl Fn(InstanceList) -> Result<InstanceList, StoreError>,
    ) -> Result<(), StoreError> {
        for attempt in 0..TRIES {
            if self.try_change_instance_list(&change).await? {
                return Ok(());
            }
            let longest = PAUSE * (1 << attempt);
            self.clock.sleep(longest.mul_f64(random() as f64 / u64::MAX as f64)).await;
        }
        Err(StoreError::new(
            StoreErrorKind::Timeout,
            "failed to change the instance list: other instances kept changing it",
        ))
    }

    /// Tries to apply `change`, and returns whether that succeeded. A lease ensures that no concurrent change is lost.
    async fn try_change_instance_list(
        &self,
        change: impl Fn(InstanceList) -> Result<InstanceList, StoreError>,
    ) -> Result<bool, StoreError> {
        let (key, token) = (self.instance_list_key(), Lease::draw());
        // If this process dies, others wait this long. Two operations must fit in.
        let term = self.timeout.saturating_mul(4);
        let LeaseResult::Granted(bytes) =
            self.with_timeout(async { self.store.lease(&key, token, term).await }).await?
        else {
            return Ok(false);
        };
        // Dropping the lease gives it back unless it was used.
        let lease = Lease::new(Arc::clone(&self.store), key.clone(), token);
        let instance_list = change(self.decode(&self.instance_lists, &key, bytes).into_value().unwrap_or_default())?;
        let bytes = self.instance_lists.encode(&key, &self.stored_now(instance_list))?;
        let put = self
            .with_timeout(async { self.store.put(&key, &bytes, Some(INSTANCE_LIST_TTL), Some(token)).await })
            .await?;
        lease.used();
        Ok(put)
    }

    /// Removes expired entries, if the store doesn't do so by itself.
    pub(super) async fn sweep(&self) -> Result<(), StoreError> {
        self.with_timeout(async { self.store.sweep(&self.scope).await.map(|_| ()) }).await
    }

    async fn with_timeout<T>(&self, asked: impl Future<Output = Result<T, StoreError>>) -> Result<T, StoreError> {
        within(self.clock.sleep(self.timeout), asked).await
    }

    fn instance_key(&self, id: InstanceId) -> StoreKey {
        self.scope.key_from_json(&format!("\"{id}\""))
    }

    fn instance_list_key(&self) -> StoreKey {
        self.scope.key_from_json("\"instance_list\"")
    }

    fn stored_now<T>(&self, value: T) -> StoredValue<T> {
        StoredValue { value, stored_at: self.now(), fresh_until: None, cost: Duration::ZERO }
    }

    fn decode<T: 'static>(&self, wire: &Wire<T>, key: &StoreKey, bytes: Option<Vec<u8>>) -> Stored<T> {
        let Some(bytes) = bytes else { return Stored::Missing };
        match wire.decode(key, &bytes) {
            // The writer's clock is ahead, so the age is zero.
            Ok(stored) => {
                Stored::Present(stored.value, self.now().duration_since(stored.stored_at).unwrap_or_default())
            }
            Err(_) => Stored::Unreadable,
        }
    }

    fn now(&self) -> SystemTime {
        self.clock.wall_time(self.clock.now())
    }
}

impl fmt::Debug for FleetStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Place").field("store", &self.store).field("scope", &self.scope).finish_non_exhaustive()
    }
}
