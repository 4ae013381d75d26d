//! A connection pool.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::pools::{LevelsFn, PoolGroup, PoolLevels};
use crate::telemetry::Telemetry;

/// A connection pool. Cheap to clone. Pools of the same name and [`Telemetry`] are reported as one.
///
/// No method waits or fails. Recording a time costs what the SDK takes, about 100 ns; counting costs a few ns.
#[derive(Clone)]
pub struct Pool {
    telemetry: Telemetry,
    name: Arc<str>,
    group: Arc<PoolGroup>,
}

impl Pool {
    pub(super) fn new(telemetry: Telemetry, name: Arc<str>) -> Self {
        let group = telemetry.pools().get_or_insert(&name);
        telemetry.pool_instruments();
        Self { telemetry, name, group }
    }

    /// Returns the name of the pool.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Records that a request starts to wait for a connection, until the returned guard is dropped.
    ///
    /// ```
    /// use cachescope_telemetry::db_client::{Client, System};
    ///
    /// let pool = Client::new(System::Redis).pool("sessions");
    /// let waiting = pool.wait_started();
    /// // … get a connection …
    /// waiting.obtained();
    /// let in_use = pool.use_started();
    /// // … use it and return it …
    /// drop(in_use);
    /// ```
    pub fn wait_started(&self) -> PendingRequest {
        self.telemetry.pool_instruments();
        self.group.wait_started();
        PendingRequest { pool: self.clone(), since: Instant::now() }
    }

    /// Records that a connection is in use, until the returned guard is dropped.
    pub fn use_started(&self) -> ConnectionInUse {
        ConnectionInUse { pool: self.clone(), since: Instant::now() }
    }

    /// Records that a connection was opened, and how long that took.
    pub fn created_after(&self, duration: Duration) {
        self.telemetry.pool_instruments().create_time.record(duration.as_secs_f64(), &self.group.attributes.base);
    }

    /// Records the time of a wait that ended with a connection. For waits that are reported afterwards; for others use
    /// [`Pool::wait_started`].
    pub fn waited_for(&self, waited: Duration) {
        self.telemetry.pool_instruments().wait_time.record(waited.as_secs_f64(), &self.group.attributes.base);
    }

    /// Counts a wait that timed out. For waits that are reported afterwards; for others use
    /// [`PendingRequest::timed_out`].
    pub fn timed_out(&self) {
        self.telemetry.pool_instruments();
        self.group.timed_out();
    }

    /// Records how long a connection was in use. For uses that are reported afterwards; for others use
    /// [`Pool::use_started`].
    pub fn used_for(&self, used: Duration) {
        self.telemetry.pool_instruments().use_time.record(used.as_secs_f64(), &self.group.attributes.base);
    }

    /// Registers `levels`, which returns the pool's current numbers, or `None` once the pool is gone. It is called a
    /// few times per collection of metrics, until the registration is dropped.
    ///
    /// It runs on the collecting thread, so it should not wait, and must not create pools or caches. If it panics, the
    /// data points that needed the result are missing.
    ///
    /// ```
    /// use std::sync::Arc;
    /// use cachescope_telemetry::db_client::{Client, PoolLevels, System};
    ///
    /// # struct Connections; impl Connections { fn idle(&self) -> u64 { 3 } fn size(&self) -> u64 { 5 } }
    /// let connections = Arc::new(Connections);
    /// let pool = Client::new(System::PostgreSql).pool("orders");
    /// let registration = pool.observe({
    ///     let connections = Arc::downgrade(&connections);
    ///     move || {
    ///         let connections = connections.upgrade()?;
    ///         let idle = connections.idle();
    ///         let used = connections.size().saturating_sub(idle);
    ///         Some(PoolLevels { idle, used, max: Some(10), ..PoolLevels::default() })
    ///     }
    /// });
    /// # drop(registration);
    /// ```
    #[must_use = "the pool is observed until the registration is dropped"]
    pub fn observe(&self, levels: impl Fn() -> Option<PoolLevels> + Send + Sync + 'static) -> PoolRegistration {
        let levels: Arc<LevelsFn> = Arc::new(levels);
        self.group.register(&levels);
        self.telemetry.pool_instruments();
        PoolRegistration { levels: Some(levels), pool: self.clone() }
    }
}

impl fmt::Debug for Pool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pool").field("name", &self.name).finish_non_exhaustive()
    }
}

/// A request that waits for a connection. If it is dropped, the wait ends and nothing else is recorded.
#[derive(Debug)]
#[must_use = "the request is pending until this is dropped"]
pub struct PendingRequest {
    pool: Pool,
    since: Instant,
}

impl PendingRequest {
    /// Ends the wait with a connection, and records its duration.
    pub fn obtained(self) {
        self.pool.waited_for(self.since.elapsed());
    }

    /// Ends the wait with a timeout, and counts it.
    pub fn timed_out(self) {
        self.pool.timed_out();
    }
}

impl Drop for PendingRequest {
    fn drop(&mut self) {
        self.pool.group.wait_ended();
    }
}

/// A connection that is in use. When it is dropped, the time since it was taken is recorded.
#[derive(Debug)]
#[must_use = "the connection is in use until this is dropped"]
pub struct ConnectionInUse {
    pool: Pool,
    since: Instant,
}

impl Drop for ConnectionInUse {
    fn drop(&mut self) {
        self.pool.used_for(self.since.elapsed());
    }
}

/// The registration of a pool. Dropping it ends the pool's current numbers; its counters stay.
#[must_use = "the pool is observed until the registration is dropped"]
pub struct PoolRegistration {
    levels: Option<Arc<LevelsFn>>,
    pool: Pool,
}

impl Drop for PoolRegistration {
    fn drop(&mut self) {
        self.levels = None;
        self.pool.group.remove_dropped();
    }
}

impl fmt::Debug for PoolRegistration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PoolRegistration").field("pool", &self.pool).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::db_client::in_memory_sdk::{InMemorySdk, attribute_map};
    use crate::db_client::names::metrics;
    use crate::db_client::{Client, System};

    fn pool(sdk: &InMemorySdk, telemetry: &Telemetry, name: &str) -> Pool {
        assert!(sdk.spans().is_empty());
        Client::new(System::PostgreSql).telemetry(telemetry.clone()).pool(name)
    }

    fn levels(sdk: &InMemorySdk) -> Vec<(String, f64)> {
        let points = sdk.points().into_iter().filter(|p| p.instrument == "updowncounter" && p.unit == "{connection}");
        let name = |metric: &str| metric.trim_start_matches("db.client.connection.").to_owned();
        let state =
            |p: &crate::db_client::in_memory_sdk::Point| p.attributes.get("db.client.connection.state").cloned();
        let mut levels: Vec<_> = points.map(|p| (state(&p).unwrap_or_else(|| name(&p.metric)), p.value)).collect();
        levels.sort_by(|one, other| one.0.cmp(&other.0));
        levels
    }

    fn expected<const N: usize>(levels: [(&str, f64); N]) -> Vec<(String, f64)> {
        levels.map(|(name, value)| (name.to_owned(), value)).into()
    }

    fn of(idle: u64, used: u64, max: Option<u64>) -> impl Fn() -> Option<PoolLevels> {
        move || Some(PoolLevels { idle, used, max, ..PoolLevels::default() })
    }

    #[test]
    fn pools_of_the_same_name_add_up() {
        let sdk = InMemorySdk::default();
        let telemetry = sdk.telemetry();
        let (one, other) = (pool(&sdk, &telemetry, "orders"), pool(&sdk, &telemetry, "orders"));
        assert_eq!(levels(&sdk), [], "no pool is registered");
        let (first, second) = (one.observe(of(1, 2, Some(10))), other.observe(of(3, 4, Some(5))));
        assert_eq!(levels(&sdk), expected([("idle", 4.0), ("max", 15.0), ("used", 6.0)]));
        let pending = [one.wait_started(), other.wait_started()];
        other.timed_out();
        let name = attribute_map([("db.client.connection.pool.name", "orders")]);
        assert_eq!(sdk.values(metrics::CONNECTION_PENDING_REQUESTS.name), [(name.clone(), 2.0)]);
        assert_eq!(sdk.values(metrics::CONNECTION_TIMEOUTS.name), [(name.clone(), 1.0)]);
        drop(first);
        assert_eq!(levels(&sdk), expected([("idle", 3.0), ("max", 5.0), ("used", 4.0)]));
        drop((second, pending, one, other));
        assert_eq!(levels(&sdk), expected([("idle", 0.0), ("used", 0.0)]));
        assert_eq!(sdk.values(metrics::CONNECTION_TIMEOUTS.name), [(name, 1.0)], "a counter never falls");
        let apart = pool(&sdk, &telemetry, "users");
        apart.timed_out();
        assert_eq!(sdk.values(metrics::CONNECTION_TIMEOUTS.name).len(), 2);
    }

    #[test]
    fn wait_ends_with_connection_timeout_or_drop() {
        let sdk = InMemorySdk::default();
        let pool = pool(&sdk, &sdk.telemetry(), "orders");
        let value = |metric: &str| sdk.values(metric).first().map(|(_, value)| *value);
        let state = || {
            [metrics::CONNECTION_PENDING_REQUESTS, metrics::CONNECTION_WAIT_TIME, metrics::CONNECTION_TIMEOUTS]
                .map(|metric| value(metric.name))
        };
        assert_eq!(state(), [Some(0.0), None, Some(0.0)], "counters exist from the start");
        let waiting = [(); 3].map(|()| pool.wait_started());
        assert_eq!(state(), [Some(3.0), None, Some(0.0)]);
        let [first, second, third] = waiting;
        first.obtained();
        assert_eq!(state(), [Some(2.0), Some(1.0), Some(0.0)]);
        second.timed_out();
        assert_eq!(state(), [Some(1.0), Some(1.0), Some(1.0)]);
        drop(third);
        assert_eq!(state(), [Some(0.0), Some(1.0), Some(1.0)]);
    }

    #[test]
    fn times_are_recorded_in_seconds() {
        let sdk = InMemorySdk::default();
        let pool = pool(&sdk, &sdk.telemetry(), "orders");
        pool.created_after(Duration::from_millis(250));
        pool.waited_for(Duration::from_millis(500));
        pool.used_for(Duration::from_secs(2));
        drop(pool.use_started());
        let points = sdk.points();
        let time = |metric: crate::names::Metric| {
            let point = points.iter().find(|point| point.metric == metric.name).unwrap();
            assert_eq!(point.attributes, attribute_map([("db.client.connection.pool.name", "orders")]));
            (point.value, (point.sum * 100.0).round())
        };
        assert_eq!(time(metrics::CONNECTION_CREATE_TIME), (1.0, 25.0));
        assert_eq!(time(metrics::CONNECTION_WAIT_TIME), (1.0, 50.0));
        assert_eq!(time(metrics::CONNECTION_USE_TIME), (2.0, 200.0));
    }

    #[test]
    fn panicking_pool_loses_only_its_own_data_points() {
        let sdk = InMemorySdk::default();
        let telemetry = sdk.telemetry();
        let (broken, healthy) = (pool(&sdk, &telemetry, "a.broken"), pool(&sdk, &telemetry, "b.healthy"));
        let _broken = broken.observe(|| panic!("on purpose"));
        let _healthy = healthy.observe(of(1, 2, None));
        for _ in 0..2 {
            assert_eq!(levels(&sdk), expected([("idle", 1.0), ("used", 2.0)]));
        }
        assert_eq!(sdk.values(metrics::CONNECTION_PENDING_REQUESTS.name).len(), 2);
    }

    #[test]
    fn registration_does_not_keep_the_pool_alive() {
        let sdk = InMemorySdk::default();
        let pool = pool(&sdk, &sdk.telemetry(), "orders");
        let connections = Arc::new(());
        let weak = Arc::downgrade(&connections);
        let gone = pool.observe(move || weak.upgrade().map(|_| PoolLevels { idle: 7, ..PoolLevels::default() }));
        assert_eq!(levels(&sdk)[0].1, 7.0);
        drop(connections);
        assert_eq!(levels(&sdk)[0].1, 0.0);
        let kept = Arc::new(());
        let held = Arc::clone(&kept);
        let registration =
            pool.observe(move || Some(PoolLevels { idle: Arc::strong_count(&held) as u64, ..PoolLevels::default() }));
        assert_eq!((levels(&sdk)[0].1, Arc::strong_count(&kept)), (2.0, 2));
        drop((registration, gone));
        assert_eq!(Arc::strong_count(&kept), 1, "dropped with the registration");
    }

    #[test]
    fn default_pool_name_contains_server_and_namespace() {
        let client = Client::new(System::PostgreSql);
        let named = |client: Client| client.pool_name();
        assert_eq!(named(client.clone()), "postgresql");
        assert_eq!(named(client.clone().namespace("shop")), "shop");
        assert_eq!(named(client.clone().server("db", 5432)), "db");
        assert_eq!(named(client.server("db", 5433).namespace("shop")), "db:5433/shop");
    }
}
