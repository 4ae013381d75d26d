//! Redis as a store.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use cachescope_core::shared::{
    ByteStore, LeaseToken, Leased, Notice, Notices, Scope, StoreError, StoreFuture, StoreKey, StoreSize,
};
use redis::aio::ConnectionLike;
use redis::{Client, IntoConnectionInfo};

use crate::failure::failure;
use crate::instrument::Instrument;
use crate::listening::{Listen, listen, listen_to};
use crate::names::{Names, channel_of};
use crate::pool::{ConnectionPool, Pooled};
use crate::reconnecting::{Reconnecting, client, connect_to};
use crate::source::{Clones, Lent, Source};
use crate::told::Told;
use crate::{KIND, scan, script};

/// Redis as a store of `cached(...)`. What speaks its protocol and runs its scripts should do as well.
///
/// Entries live as long as the cache says and then Redis drops them by itself, by its own clock. What it drops earlier
/// for want of memory (`maxmemory-policy`) is a miss. An operation on one key is one round trip, and whole or not at
/// all; it may be dropped at any point. Clones are the same store.
///
/// An entry is called `{namespace:cache:version:key}`, its lease the same with `!lease` after it. Redis copies what it
/// stores to its replicas later: a lease that was taken just before its master is lost may be granted again by the
/// next one.
///
/// Each command is told to OpenTelemetry's global providers, as [`instrument`](crate::instrument) does: a span of kind
/// client below the current one, and a record in `db.client.operation.duration`. See [`instrument`](Self::instrument).
///
/// Tested with Redis 7; `UNLINK` came with Redis 4. Needs a tokio runtime with I/O and time; without one, operations
/// fail or panic, as those of the client do.
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
    source: Arc<dyn Source>,
    listen: Option<Listen>,
    tell: Option<Instrument>,
}

impl Redis {
    /// A store on a connection of yours: any that can be cloned, like a `MultiplexedConnection` or a
    /// `ConnectionManager`, or a wrapped one. Time limits and reconnecting are its affair: a `MultiplexedConnection`
    /// that is lost stays lost.
    ///
    /// It can't [`listen`](ByteStore::listen) by itself: see [`listening`](Self::listening).
    #[must_use]
    pub fn new(connection: impl ConnectionLike + Clone + Send + Sync + 'static) -> Self {
        let tell = Instrument::new().namespace(connection.get_db());
        Self::from_source(Clones(connection)).instrument(tell)
    }

    /// A store on a server by its address: `redis://user:password@host:6379/0`, `rediss://…` (feature `tls`),
    /// `unix:///path`, or a [`ConnectionInfo`](redis::ConnectionInfo). It is connected to when there is something to
    /// do, by one connection for all, and again whenever that has failed; so an application starts, and goes on, while
    /// the server is away.
    ///
    /// # Errors
    /// If this is no address.
    pub fn open(address: impl IntoConnectionInfo) -> Result<Self, StoreError> {
        let client = address.into_connection_info().and_then(client).map_err(failure)?;
        let source = Reconnecting::new(connect_to(client.clone()));
        let tell = Instrument::of(client.get_connection_info());
        Ok(Self::from_source(source).listening(client).instrument(tell))
    }

    /// As [`open`](Self::open), and connects at once: takes at most 2 seconds, and what the server takes to answer.
    ///
    /// # Errors
    /// If this is no address, or the server isn't there or refuses us.
    pub async fn connect(address: impl IntoConnectionInfo) -> Result<Self, StoreError> {
        let redis = Self::open(address)?;
        redis.ask(&redis::cmd("PING")).await?;
        Ok(redis)
    }

    /// A store on a cluster, by a connection of yours.
    ///
    /// It can't [`listen`](ByteStore::listen) by itself: see [`listening`](Self::listening).
    #[cfg(feature = "cluster")]
    #[must_use]
    pub fn cluster(connection: redis::cluster_async::ClusterConnection) -> Self {
        let tell = Instrument::new().namespace(connection.get_db());
        Self::from_source(crate::cluster::Cluster(connection)).instrument(tell)
    }

    /// A store on a cluster, by the addresses of some of its nodes.
    ///
    /// # Errors
    /// If these are no addresses, or none of the nodes is there or lets us in.
    #[cfg(feature = "cluster")]
    pub async fn connect_cluster<A: IntoConnectionInfo>(
        nodes: impl IntoIterator<Item = A>,
    ) -> Result<Self, StoreError> {
        use crate::cluster;

        let nodes = nodes.into_iter().map(IntoConnectionInfo::into_connection_info);
        let nodes = nodes.collect::<redis::RedisResult<Vec<_>>>().map_err(failure)?;
        let client = cluster::cluster_client(nodes.clone()).map_err(failure)?;
        let connection = client.get_async_connection().await.map_err(failure)?;
        Ok(Self { listen: Some(cluster::listen_to(nodes).map_err(failure)?), ..Self::cluster(connection) })
    }

    /// A store on the master that sentinels name. They are asked when there is something to do, and again whenever the
    /// connection has failed or the server isn't the master any more.
    #[cfg(feature = "sentinel")]
    #[must_use]
    pub fn sentinel(client: redis::sentinel::SentinelClient) -> Self {
        let sentinels = crate::sentinel::Sentinels::new(client);
        Self { listen: Some(sentinels.listen()), ..Self::from_source(Reconnecting::new(sentinels.connect())) }
    }

    /// A store on connections of a pool. How long one is waited for is the pool's affair.
    ///
    /// A pool is nothing a store needs: one connection serves any number of operations at a time.
    ///
    /// It can't [`listen`](ByteStore::listen) by itself: see [`listening`](Self::listening).
    #[must_use]
    pub fn pool(pool: impl ConnectionPool) -> Self {
        Self::from_source(Pooled::new(pool))
    }

    /// Listens to other processes' notices through connections that `client` makes, one for each scope.
    #[must_use]
    pub fn listening(self, client: Client) -> Self {
        Self { listen: Some(listen_to(client)), ..self }
    }

    /// What is told of its commands, and to whom. Default: what is known of the server, to the global providers.
    #[must_use]
    pub fn instrument(self, instrument: Instrument) -> Self {
        Self { tell: Some(instrument), ..self }
    }

    /// Tells nothing of its commands: for a connection that does so by itself.
    #[must_use]
    pub fn without_telemetry(self) -> Self {
        Self { tell: None, ..self }
    }

    fn from_source(source: impl Source) -> Self {
        Self { source: Arc::new(source), listen: None, tell: Some(Instrument::new()) }
    }

    async fn lend(&self) -> Result<Box<dyn Lent>, StoreError> {
        let lent = self.source.lend(self.tell.as_ref()).await?;
        Ok(match &self.tell {
            Some(instrument) => Box::new(Told { lent, client: instrument.client().clone() }),
            None => lent,
        })
    }

    async fn ask(&self, cmd: &redis::Cmd) -> Result<redis::Value, StoreError> {
        self.lend().await?.ask(cmd).await.map_err(failure)
    }
}

impl ByteStore for Redis {
    fn kind(&self) -> &'static str {
        KIND
    }

    fn get<'a>(&'a self, key: &'a StoreKey) -> StoreFuture<'a, Option<Vec<u8>>> {
        Box::pin(async {
            let mut get = redis::cmd("GET");
            get.arg(Names::of(key).entry);
            script::bytes(self.ask(&get).await?).map_err(failure)
        })
    }

    fn put<'a>(
        &'a self,
        key: &'a StoreKey,
        bytes: &'a [u8],
        life: Option<Duration>,
        lease: Option<LeaseToken>,
    ) -> StoreFuture<'a, bool> {
        Box::pin(async move {
            let mut lent = self.lend().await?;
            script::put(&mut *lent, &Names::of(key), bytes, life, lease).await.map_err(failure)
        })
    }

    fn remove<'a>(&'a self, key: &'a StoreKey) -> StoreFuture<'a, ()> {
        Box::pin(async {
            let Names { entry, lease } = Names::of(key);
            let mut unlink = redis::cmd("UNLINK");
            unlink.arg(entry).arg(lease);
            self.ask(&unlink).await.map(drop)
        })
    }

    /// Takes two round trips for each thousand keys of the whole database, and some for what it drops: a second or so
    /// for each half a million keys. Given up before it is through, it has dropped some of them. What is stored
    /// meanwhile may be dropped or not.
    fn clear<'a>(&'a self, scope: &'a Scope) -> StoreFuture<'a, ()> {
        Box::pin(async { scan::clear(&mut *self.lend().await?, scope).await.map_err(failure) })
    }

    fn lease<'a>(&'a self, key: &'a StoreKey, token: LeaseToken, term: Duration) -> StoreFuture<'a, Leased> {
        Box::pin(
            async move { script::lease(&mut *self.lend().await?, &Names::of(key), token, term).await.map_err(failure) },
        )
    }

    fn release<'a>(&'a self, key: &'a StoreKey, token: LeaseToken) -> StoreFuture<'a, ()> {
        Box::pin(
            async move { script::release(&mut *self.lend().await?, &Names::of(key), token).await.map_err(failure) },
        )
    }

    /// Counts where the database, or each node of a cluster, has up to some 10,000 keys, and estimates from so many
    /// where it has more. Takes up to 21 round trips a node.
    fn size<'a>(&'a self, scope: &'a Scope) -> StoreFuture<'a, StoreSize> {
        Box::pin(async { scan::size(&mut *self.lend().await?, scope).await.map_err(failure) })
    }

    fn announce<'a>(&'a self, scope: &'a Scope, notice: &'a Notice) -> StoreFuture<'a, ()> {
        Box::pin(async {
            let mut publish = redis::cmd("PUBLISH");
            publish.arg(channel_of(scope)).arg(notice.as_text());
            self.ask(&publish).await.map(drop)
        })
    }

    fn listen<'a>(&'a self, scope: &'a Scope) -> StoreFuture<'a, Option<Box<dyn Notices>>> {
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
        let (listens, tells) = (self.listen.is_some(), self.tell.is_some());
        f.debug_struct("Redis").field("listens", &listens).field("tells", &tells).finish_non_exhaustive()
    }
}
