//! The public store: [`Redis`].

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use cachescope_core::shared::{
    ByteStore, Invalidation, InvalidationStream, LeaseResult, LeaseToken, Scope, StoreError, StoreFuture, StoreKey,
    StoreSize,
};
use redis::aio::ConnectionLike;
use redis::{Client, IntoConnectionInfo};

use crate::connection_pool::ConnectionPool;
use crate::connection_source::{BoxedConnection, ClonedConnections, ConnectionSource};
use crate::error::store_error;
use crate::instrument::Instrumentation;
use crate::instrumented_connection::InstrumentedConnection;
use crate::invalidations::{PubSubConnector, listen, listen_to};
use crate::key_names::{KeyNames, channel_name};
use crate::pool_source::PoolSource;
use crate::reconnecting::{Reconnecting, client, connect_to};
use crate::{KIND, scan, script};

/// A shared store in Redis, or in a server with its protocol and Lua scripts. Clones are handles to the same store.
///
/// Redis removes entries when their TTL ends, by its own clock. An entry that Redis evicts earlier for memory
/// (`maxmemory-policy`) is a miss. An operation on one key is one atomic round trip, and its future may be dropped at
/// any point.
///
/// An entry has the name `{namespace:cache:version:key}`, and its lease the same name with the suffix `!lease`. Redis
/// replicates asynchronously: if a master is lost just after it granted a lease, the next master may grant the lease
/// again.
///
/// Each command is reported to OpenTelemetry's global providers: a span of kind client below the current span, and a
/// record in `db.client.operation.duration`. [`instrument`](Self::instrument) changes this.
///
/// Tested with Redis 7. `UNLINK` requires Redis 4. Requires a tokio runtime with I/O and time. Without a runtime,
/// operations fail or panic, like those of the client.
///
/// ```no_run
/// # async fn example() -> Result<(), cachescope_core::shared::StoreError> {
/// use cachescope_redis::Redis;
///
/// let redis = Redis::connect("redis://127.0.0.1/").await?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Redis {
    source: Arc<dyn ConnectionSource>,
    listen: Option<PubSubConnector>,
    instrument: Option<Instrumentation>,
}

impl Redis {
    /// Creates a store on your own connection: a `MultiplexedConnection`, a `ConnectionManager`, or any other
    /// connection that can be cloned. The connection is responsible for time limits and reconnecting. A
    /// `MultiplexedConnection` that is lost stays lost.
    ///
    /// The store doesn't receive invalidations of other processes, unless you call [`listen_with`](Self::listen_with).
    #[must_use]
    pub fn new(connection: impl ConnectionLike + Clone + Send + Sync + 'static) -> Self {
        let instrument = Instrumentation::new().namespace(connection.get_db());
        Self::from_source(ClonedConnections(connection)).instrument(instrument)
    }

    /// Creates a store on the server at an address: `redis://user:password@host:6379/0`, `rediss://…` (feature `tls`),
    /// `unix:///path`, or a [`ConnectionInfo`](redis::ConnectionInfo).
    ///
    /// The first operation connects. One connection serves all operations, and is replaced when it fails. So an
    /// application starts, and continues, while the server is down.
    ///
    /// # Errors
    /// If the address is invalid.
    pub fn open(address: impl IntoConnectionInfo) -> Result<Self, StoreError> {
        let client = address.into_connection_info().and_then(client).map_err(store_error)?;
        let source = Reconnecting::new(connect_to(client.clone()));
        let instrument = Instrumentation::from_connection_info(client.get_connection_info());
        Ok(Self::from_source(source).listen_with(client).instrument(instrument))
    }

    /// Creates a store like [`open`](Self::open), and connects immediately. Connecting takes at most 2 seconds, and
    /// then one round trip.
    ///
    /// # Errors
    /// If the address is invalid, or the server is unreachable or refuses the connection.
    pub async fn connect(address: impl IntoConnectionInfo) -> Result<Self, StoreError> {
        let redis = Self::open(address)?;
        redis.query(&redis::cmd("PING")).await?;
        Ok(redis)
    }

    /// Creates a store on a cluster, with your own connection.
    ///
    /// The store doesn't receive invalidations of other processes, unless you call [`listen_with`](Self::listen_with).
    #[cfg(feature = "cluster")]
    #[must_use]
    pub fn cluster(connection: redis::cluster_async::ClusterConnection) -> Self {
        let instrument = Instrumentation::new().namespace(connection.get_db());
        Self::from_source(crate::cluster::Cluster(connection)).instrument(instrument)
    }

    /// Creates a store on a cluster, from the addresses of some of its nodes.
    ///
    /// # Errors
    /// If an address is invalid, or no node is reachable and accepts the connection.
    #[cfg(feature = "cluster")]
    pub async fn connect_cluster<A: IntoConnectionInfo>(
        nodes: impl IntoIterator<Item = A>,
    ) -> Result<Self, StoreError> {
        use crate::cluster;

        let nodes = nodes.into_iter().map(IntoConnectionInfo::into_connection_info);
        let nodes = nodes.collect::<redis::RedisResult<Vec<_>>>().map_err(store_error)?;
        let client = cluster::cluster_client(nodes.clone()).map_err(store_error)?;
        let connection = client.get_async_connection().await.map_err(store_error)?;
        Ok(Self { listen: Some(cluster::listen_to(nodes).map_err(store_error)?), ..Self::cluster(connection) })
    }

    /// Creates a store on the master that sentinels report. The sentinels are queried for the first operation, and
    /// again after the connection fails or the server is no longer the master.
    #[cfg(feature = "sentinel")]
    #[must_use]
    pub fn sentinel(client: redis::sentinel::SentinelClient) -> Self {
        let sentinels = crate::sentinel::Sentinels::new(client);
        Self { listen: Some(sentinels.listen()), ..Self::from_source(Reconnecting::new(sentinels.connect())) }
    }

    /// Creates a store on the connections of a pool. The pool limits the wait for a connection.
    ///
    /// A store doesn't need a pool, because one connection serves any number of concurrent operations.
    ///
    /// The store doesn't receive invalidations of other processes, unless you call [`listen_with`](Self::listen_with).
    #[must_use]
    pub fn pool(pool: impl ConnectionPool) -> Self {
        Self::from_source(PoolSource::new(pool))
    }

    /// Receives invalidations of other processes through connections that `client` opens, one for each scope.
    #[must_use]
    #[doc(alias = "subscribe")]
    pub fn listen_with(self, client: Client) -> Self {
        Self { listen: Some(listen_to(client)), ..self }
    }

    /// Sets the telemetry of the store's commands. Default: the known address of the server, and the global providers.
    #[must_use]
    pub fn instrument(self, instrument: Instrumentation) -> Self {
        Self { instrument: Some(instrument), ..self }
    }

    /// Disables the store's telemetry. Use it for a connection that has its own telemetry.
    #[must_use]
    pub fn without_telemetry(self) -> Self {
        Self { instrument: None, ..self }
    }

    fn from_source(source: impl ConnectionSource) -> Self {
        Self { source: Arc::new(source), listen: None, instrument: Some(Instrumentation::new()) }
    }

    async fn connection(&self) -> Result<BoxedConnection, StoreError> {
        let connection = self.source.connection(self.instrument.as_ref()).await?;
        Ok(match &self.instrument {
            Some(instrument) => Box::new(InstrumentedConnection { connection, client: instrument.client().clone() }),
            None => connection,
        })
    }

    async fn query(&self, cmd: &redis::Cmd) -> Result<redis::Value, StoreError> {
        self.connection().await?.query(cmd).await.map_err(store_error)
    }
}

impl ByteStore for Redis {
    fn kind(&self) -> &'static str {
        KIND
    }

    fn get<'a>(&'a self, key: &'a StoreKey) -> StoreFuture<'a, Option<Vec<u8>>> {
        Box::pin(async {
            let mut get = redis::cmd("GET");
            get.arg(KeyNames::new(key).entry);
            script::bytes(self.query(&get).await?).map_err(store_error)
        })
    }

    fn put<'a>(
        &'a self,
        key: &'a StoreKey,
        bytes: &'a [u8],
        ttl: Option<Duration>,
        lease: Option<LeaseToken>,
    ) -> StoreFuture<'a, bool> {
        Box::pin(async move {
            let mut connection = self.connection().await?;
            script::put(&mut *connection, &KeyNames::new(key), bytes, ttl, lease).await.map_err(store_error)
        })
    }

    fn remove<'a>(&'a self, key: &'a StoreKey) -> StoreFuture<'a, ()> {
        Box::pin(async {
            let KeyNames { entry, lease } = KeyNames::new(key);
            let mut unlink = redis::cmd("UNLINK");
            unlink.arg(entry).arg(lease);
            self.query(&unlink).await.map(drop)
        })
    }

    /// Takes two round trips for each 1,000 keys of the whole database, and some for the keys that it removes: about
    /// one second for 500,000 keys. If the future is dropped, some of the entries are removed. Entries that are stored
    /// meanwhile may or may not be removed.
    fn clear<'a>(&'a self, scope: &'a Scope) -> StoreFuture<'a, ()> {
        Box::pin(async { scan::clear(&mut *self.connection().await?, scope).await.map_err(store_error) })
    }

    fn lease<'a>(&'a self, key: &'a StoreKey, token: LeaseToken, term: Duration) -> StoreFuture<'a, LeaseResult> {
        Box::pin(async move {
            script::lease(&mut *self.connection().await?, &KeyNames::new(key), token, term).await.map_err(store_error)
        })
    }

    fn release<'a>(&'a self, key: &'a StoreKey, token: LeaseToken) -> StoreFuture<'a, ()> {
        Box::pin(async move {
            script::release(&mut *self.connection().await?, &KeyNames::new(key), token).await.map_err(store_error)
        })
    }

    /// Counts the entries if the database, or each node of a cluster, has up to about 10,000 keys. Estimates from a
    /// sample of that size if it has more. Takes up to 21 round trips for each node.
    fn size<'a>(&'a self, scope: &'a Scope) -> StoreFuture<'a, StoreSize> {
        Box::pin(async { scan::size(&mut *self.connection().await?, scope).await.map_err(store_error) })
    }

    fn announce<'a>(&'a self, scope: &'a Scope, notice: &'a Invalidation) -> StoreFuture<'a, ()> {
        Box::pin(async {
            let mut publish = redis::cmd("PUBLISH");
            publish.arg(channel_name(scope)).arg(notice.as_text());
            self.query(&publish).await.map(drop)
        })
    }

    fn listen<'a>(&'a self, scope: &'a Scope) -> StoreFuture<'a, Option<Box<dyn InvalidationStream>>> {
        Box::pin(async {
            match &self.listen {
                Some(connect) => listen(connect, scope).await.map(Some),
                None => Ok(None),
            }
        })
    }
}

impl fmt::Debug for Redis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (listens, instrumented) = (self.listen.is_some(), self.instrument.is_some());
        f.debug_struct("Redis").field("listens", &listens).field("instrumented", &instrumented).finish_non_exhaustive()
    }
}
