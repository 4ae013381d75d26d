//! What is told of a pool of connections.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::pools::{Levels, Namesakes, PoolLevels};
use crate::telemetry::Telemetry;

/// A pool of connections, as its telemetry tells it. Cheap to clone; pools of one name and one [`Telemetry`] are one.
///
/// Nothing here waits or fails. Recording a time costs what the SDK takes for it, about 100 ns; counting, a few.
#[derive(Clone)]
pub struct Pool {
    telemetry: Telemetry,
    name: Arc<str>,
    namesakes: Arc<Namesakes>,
}

impl Pool {
    pub(super) fn new(telemetry: Telemetry, name: Arc<str>) -> Self {
        let namesakes = telemetry.pools().of(&name);
        telemetry.pool_instruments();
        Self { telemetry, name, namesakes }
    }

    /// The pool's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Somebody begins to wait for a connection, until what is returned is dropped.
    ///
    /// ```
    /// use cachescope_core::client::{Client, System};
    ///
    /// let pool = Client::new(System::Redis).pool("sessions");
    /// let waiting = pool.wait_started();
    /// // … get a connection …
    /// waiting.obtained();
    /// let in_use = pool.use_started();
    /// // … use it, give it back …
    /// drop(in_use);
    /// ```
    pub fn wait_started(&self) -> PendingRequest {
        self.telemetry.pool_instruments();
        self.namesakes.wait_started();
        PendingRequest { pool: self.clone(), since: Instant::now() }
    }

    /// Somebody has a connection, until what is returned is dropped.
    pub fn use_started(&self) -> InUse {
        InUse { pool: self.clone(), since: Instant::now() }
    }

    /// A connection was opened, and that took so long.
    pub fn created_in(&self, took: Duration) {
        self.telemetry.pool_instruments().create_time.record(took.as_secs_f64(), &self.namesakes.attributes.base);
    }

    /// Somebody waited so long for a connection, and has it. For waits that are told afterwards; others have
    /// [`Pool::wait_started`].
    pub fn waited_for(&self, waited: Duration) {
        self.telemetry.pool_instruments().wait_time.record(waited.as_secs_f64(), &self.namesakes.attributes.base);
    }

    /// Somebody waited for a connection, and gave up as it took too long. For waits that are told afterwards.
    pub fn timed_out(&self) {
        self.telemetry.pool_instruments();
        self.namesakes.timed_out();
    }

    /// A connection went back after so long. For uses that are told afterwards; others have [`Pool::use_started`].
    pub fn used_for(&self, used: Duration) {
        self.telemetry.pool_instruments().use_time.record(used.as_secs_f64(), &self.namesakes.attributes.base);
    }

    /// Has `levels` asked how the pool is, a few times whenever metrics are collected, until the registration is
    /// dropped. `None` says that the pool is gone.
    ///
    /// It is asked on the collecting thread and should neither wait nor make pools or caches. One that panics costs the
    /// points that needed the answer.
    ///
    /// ```
    /// use std::sync::Arc;
    /// use cachescope_core::client::{Client, PoolLevels, System};
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
        let levels: Arc<Levels> = Arc::new(levels);
        self.namesakes.register(&levels);
        self.telemetry.pool_instruments();
        PoolRegistration { levels: Some(levels), pool: self.clone() }
    }
}

impl fmt::Debug for Pool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pool").field("name", &self.name).finish_non_exhaustive()
    }
}

/// Somebody who waits for a connection. Dropped, it waits no longer, and no more is told of it.
#[derive(Debug)]
#[must_use = "the request is pending until this is dropped"]
pub struct PendingRequest {
    pool: Pool,
    since: Instant,
}

impl PendingRequest {
    /// There is a connection: records how long it took.
    pub fn obtained(self) {
        self.pool.waited_for(self.since.elapsed());
    }

    /// It took too long: counts a timeout.
    pub fn timed_out(self) {
        self.pool.timed_out();
    }
}

impl Drop for PendingRequest {
    fn drop(&mut self) {
        self.pool.namesakes.wait_ended();
    }
}

/// Somebody who has a connection. Dropped, the connection is back, and how long it was away is recorded.
#[derive(Debug)]
#[must_use = "the connection is in use until this is dropped"]
pub struct InUse {
    pool: Pool,
    since: Instant,
}

impl Drop for InUse {
    fn drop(&mut self) {
        self.pool.used_for(self.since.elapsed());
    }
}

/// A pool's place in telemetry. Dropping it ends the pool's levels and keeps its counts.
#[must_use = "the pool is observed until the registration is dropped"]
pub struct PoolRegistration {
    levels: Option<Arc<Levels>>,
    pool: Pool,
}

impl Drop for PoolRegistration {
    fn drop(&mut self) {
        self.levels = None;
        self.pool.namesakes.forget_gone();
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
    use crate::client::exported::{InMemory, said};
    use crate::client::names::metrics;
    use crate::client::{Client, System};

    fn pool(sdk: &InMemory, telemetry: &Telemetry, name: &str) -> Pool {
        assert!(sdk.spans().is_empty());
        Client::new(System::PostgreSql).telemetry(telemetry.clone()).pool(name)
    }

    fn levels(sdk: &InMemory) -> Vec<(String, f64)> {
        let points = sdk.points().into_iter().filter(|p| p.instrument == "updowncounter" && p.unit == "{connection}");
        let name = |metric: &str| metric.trim_start_matches("db.client.connection.").to_owned();
        let state = |p: &crate::client::exported::Point| p.attributes.get("db.client.connection.state").cloned();
        let mut levels: Vec<_> = points.map(|p| (state(&p).unwrap_or_else(|| name(&p.metric)), p.value)).collect();
        levels.sort_by(|one, other| one.0.cmp(&other.0));
        levels
    }

    fn as_told<const N: usize>(levels: [(&str, f64); N]) -> Vec<(String, f64)> {
        levels.map(|(name, value)| (name.to_owned(), value)).into()
    }

    fn of(idle: u64, used: u64, max: Option<u64>) -> impl Fn() -> Option<PoolLevels> {
        move || Some(PoolLevels { idle, used, max, ..PoolLevels::default() })
    }

    #[test]
    fn pools_of_one_name_add_up_and_others_do_not() {
        let sdk = InMemory::default();
        let telemetry = sdk.telemetry();
        let (one, other) = (pool(&sdk, &telemetry, "orders"), pool(&sdk, &telemetry, "orders"));
        assert_eq!(levels(&sdk), [], "nobody has told");
        let (first, second) = (one.observe(of(1, 2, Some(10))), other.observe(of(3, 4, Some(5))));
        assert_eq!(levels(&sdk), as_told([("idle", 4.0), ("max", 15.0), ("used", 6.0)]));
        let pending = [one.wait_started(), other.wait_started()];
        other.timed_out();
        let name = said([("db.client.connection.pool.name", "orders")]);
        assert_eq!(sdk.values(metrics::CONNECTION_PENDING_REQUESTS.name), [(name.clone(), 2.0)]);
        assert_eq!(sdk.values(metrics::CONNECTION_TIMEOUTS.name), [(name.clone(), 1.0)]);
        drop(first);
        assert_eq!(levels(&sdk), as_told([("idle", 3.0), ("max", 5.0), ("used", 4.0)]));
        drop((second, pending, one, other));
        assert_eq!(levels(&sdk), as_told([("idle", 0.0), ("used", 0.0)]));
        assert_eq!(sdk.values(metrics::CONNECTION_TIMEOUTS.name), [(name, 1.0)], "a counter never falls");
        let apart = pool(&sdk, &telemetry, "users");
        apart.timed_out();
        assert_eq!(sdk.values(metrics::CONNECTION_TIMEOUTS.name).len(), 2);
    }

    #[test]
    fn waits_end_in_one_of_three_ways() {
        let sdk = InMemory::default();
        let pool = pool(&sdk, &sdk.telemetry(), "orders");
        let value = |metric: &str| sdk.values(metric).first().map(|(_, value)| *value);
        let state = || {
            [metrics::CONNECTION_PENDING_REQUESTS, metrics::CONNECTION_WAIT_TIME, metrics::CONNECTION_TIMEOUTS]
                .map(|metric| value(metric.name))
        };
        assert_eq!(state(), [Some(0.0), None, Some(0.0)], "counters are there from the start");
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
        let sdk = InMemory::default();
        let pool = pool(&sdk, &sdk.telemetry(), "orders");
        pool.created_in(Duration::from_millis(250));
        pool.waited_for(Duration::from_millis(500));
        pool.used_for(Duration::from_secs(2));
        drop(pool.use_started());
        let points = sdk.points();
        let time = |metric: crate::telemetry::names::Metric| {
            let point = points.iter().find(|point| point.metric == metric.name).unwrap();
            assert_eq!(point.attributes, said([("db.client.connection.pool.name", "orders")]));
            (point.value, (point.sum * 100.0).round())
        };
        assert_eq!(time(metrics::CONNECTION_CREATE_TIME), (1.0, 25.0));
        assert_eq!(time(metrics::CONNECTION_WAIT_TIME), (1.0, 50.0));
        assert_eq!(time(metrics::CONNECTION_USE_TIME), (2.0, 200.0));
    }

    #[test]
    fn a_panic_costs_the_points_of_that_name_and_no_more() {
        let sdk = InMemory::default();
        let telemetry = sdk.telemetry();
        let (ill, well) = (pool(&sdk, &telemetry, "a.ill"), pool(&sdk, &telemetry, "b.well"));
        let _ill = ill.observe(|| panic!("on purpose"));
        let _well = well.observe(of(1, 2, None));
        for _ in 0..2 {
            assert_eq!(levels(&sdk), as_told([("idle", 1.0), ("used", 2.0)]));
        }
        assert_eq!(sdk.values(metrics::CONNECTION_PENDING_REQUESTS.name).len(), 2);
    }

    #[test]
    fn a_pool_is_not_kept_alive() {
        let sdk = InMemory::default();
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
        assert_eq!(Arc::strong_count(&kept), 1, "it goes with the registration");
    }

    #[test]
    fn a_pool_without_a_name_is_called_by_where_it_is() {
        let client = Client::new(System::PostgreSql);
        let named = |client: Client| client.pool_name();
        assert_eq!(named(client.clone()), "postgresql");
        assert_eq!(named(client.clone().namespace("shop")), "shop");
        assert_eq!(named(client.clone().server("db", 5432)), "db");
        assert_eq!(named(client.server("db", 5433).namespace("shop")), "db:5433/shop");
    }
}
