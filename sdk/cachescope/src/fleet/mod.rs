//! Fleets: instances of a service publish their numbers in a shared store, and any of them reports the numbers of all.
//! No collector is necessary.

mod fleet_store;
mod id;
mod instance_list;
mod member;
mod publication;
mod publisher;
mod stats;
mod view;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use cachescope_core::shared::ByteStore;
use cachescope_core::{Clock, ConfigError};
use tokio::runtime::Handle;

use self::fleet_store::FleetStore;
use self::id::InstanceId;
pub use self::member::FleetMember;
pub use self::publisher::PublishStatus;
use self::publisher::{Publisher, SnapshotSource};
pub use self::stats::{FleetInstance, FleetStats};
pub use self::view::FleetView;
use crate::process::registry::{LiveCache, caches};

/// Rare enough to cause no load, and frequent enough for people who watch the numbers.
const INTERVAL: Duration = Duration::from_secs(10);
/// Two publications may be late or lost before an instance counts as gone.
const INTERVALS_BEFORE_GONE: u32 = 3;
/// Only people wait for the answers.
const TIMEOUT: Duration = Duration::from_secs(2);

/// The processes of a service that share a store, seen as one. Each process publishes the numbers of its caches, and
/// any of them reports the numbers of all, without a collector. For dashboards and history, send metrics to a
/// collector.
///
/// ```no_run
/// use std::time::Duration;
/// use cachescope::fleet::Fleet;
///
/// # async fn example(redis: std::sync::Arc<dyn cachescope::shared::ByteStore>) -> Result<(), Box<dyn std::error::Error>> {
/// let fleet = Fleet::new("shop", redis).publish_every(Duration::from_secs(10)).join()?;
///
/// let seen = fleet.stats().await?;
/// println!("{seen}"); // 4 instances, 9.1 s old at most
/// if let Some(user) = seen.cache("user.by_id") {
///     println!("{:?} of {} requests were hits", user.hit_rate(), user.requests());
/// }
/// fleet.close().await?; // publishes the last numbers
/// # Ok(()) }
/// ```
///
/// - **Numbers are exact.** They are the sum of what the caches of the listed processes counted, each with its age.
///   Each cache counts since it was built or last reset. A dropped cache takes its numbers along. Counts restored by
///   `Builder::persist_metrics` aren't included again.
/// - **A crashed process ages out,** by the clock of the store: its entry expires three intervals after its last
///   publication. A process that ended in order stays as long, marked as ended.
/// - **Stored data:** names and labels of caches, and their counts. No keys and no values.
/// - **If the store is down,** no cache is affected. Publishing is retried at the next interval. A query returns an
///   error with its kind.
/// - **Costs:** each interval, one write of the numbers and one read of the list of instances. Every eighth time also
///   one read of another instance's numbers, and one sweep. The numbers of a cache that uses most features take 9 kB
///   (2.2 kB with the feature `zstd`); those of a hundred caches take 900 kB (105 kB). Reading and encoding them runs
///   on a blocking thread. Enable `zstd` in all instances of a fleet or in none.
#[derive(Clone)]
#[must_use = "call join or view"]
pub struct Fleet {
    name: String,
    store: Arc<dyn ByteStore>,
    instance: Option<String>,
    interval: Duration,
    max_age: Option<Duration>,
    timeout: Duration,
    clock: Clock,
}

impl Fleet {
    /// Creates the fleet `name` in `store`. Instances with the same name form one fleet. Use the name of the service,
    /// and add the environment if several environments share the store.
    pub fn new(name: impl Into<String>, store: impl ByteStore) -> Self {
        Self {
            name: name.into(),
            store: Arc::new(store),
            instance: None,
            interval: INTERVAL,
            max_age: None,
            timeout: TIMEOUT,
            clock: Clock::system(),
        }
    }

    /// Sets the readable name of this process, reported as [`FleetInstance::name`]: its host, its pod, or its
    /// `service.instance.id`. Names needn't be unique. Default: the random id of the process.
    pub fn instance(mut self, name: impl Into<String>) -> Self {
        self.instance = Some(name.into());
        self
    }

    /// Sets how often this process publishes, and so how old its numbers get. Default: 10 seconds.
    pub fn publish_every(mut self, interval: Duration) -> Self {
        self.interval = interval;
        self
    }

    /// Sets how long after its last publication this process still counts if it crashes. Default: three intervals. It
    /// must be at least two, so that a live process stays.
    pub fn age_out_after(mut self, max_age: Duration) -> Self {
        self.max_age = Some(max_age);
        self
    }

    /// Sets the time limit of one operation on the store. Default: 2 seconds.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Sets the clock. Default: the system clock. Use `Clock::manual` in tests.
    pub fn clock(mut self, clock: Clock) -> Self {
        self.clock = clock;
        self
    }

    /// Joins the fleet: publishes the numbers of all present and future caches of this process, until the returned
    /// member is dropped. The first publication starts immediately, as a task of the current tokio runtime.
    ///
    /// A process that joins twice counts once. It is shown as ended from the end of one member until the next
    /// publication of the other.
    ///
    /// # Errors
    ///
    /// Returns an error outside a tokio runtime, if a duration is invalid, or if the name is empty or longer than about
    /// 150 bytes.
    pub fn join(self) -> Result<FleetMember, ConfigError> {
        let own = || caches().iter().map(LiveCache::process_snapshot).collect();
        self.join_as(InstanceId::this_process(), Arc::new(own))
    }

    /// Creates a view of the fleet, for a process that isn't in the fleet or has no caches.
    ///
    /// # Errors
    ///
    /// Returns an error if the timeout is zero, or if the name is empty or longer than about 150 bytes.
    pub fn view(self) -> Result<FleetView, ConfigError> {
        Ok(FleetView::new(Arc::new(self.fleet_store()?)))
    }

    fn join_as(self, id: InstanceId, source: SnapshotSource) -> Result<FleetMember, ConfigError> {
        let Ok(runtime) = Handle::try_current() else {
            return Err(ConfigError::new(
                "Fleet::join must be called within a tokio runtime: call it in an async function",
            ));
        };
        let (interval, max_age) =
            (self.interval, self.max_age.unwrap_or(self.interval.saturating_mul(INTERVALS_BEFORE_GONE)));
        if interval.is_zero() {
            return Err(ConfigError::new("publish_every must be greater than zero, got 0 s: the default is 10 s"));
        }
        if max_age < interval.saturating_mul(2) {
            return Err(ConfigError::new(format!(
                "age_out_after must be at least twice publish_every ({interval:?}), got {max_age:?}: use three times"
            )));
        }
        let store = Arc::new(self.fleet_store()?);
        let publisher = Publisher::new(store, id, self.instance, max_age, source, runtime);
        Ok(FleetMember::start(publisher, interval))
    }

    fn fleet_store(&self) -> Result<FleetStore, ConfigError> {
        FleetStore::new(&self.name, Arc::clone(&self.store), self.timeout, self.clock.clone())
    }
}

impl fmt::Debug for Fleet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Fleet").field("name", &self.name).field("store", &self.store).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
