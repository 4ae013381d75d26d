//! Telemetry for a Redis client that is used without our store.

use std::sync::Arc;

use cachescope_core::Telemetry;
use cachescope_core::client::{Client, Pool, System};
use redis::aio::ConnectionLike;
use redis::{ConnectionAddr, ConnectionInfo};

use crate::instrumented::Instrumented;
use crate::pool::{ConnectionPool, InstrumentedPool};

/// Gives a connection telemetry, through OpenTelemetry's global providers: for each command or pipeline a span of kind
/// client and a record in `db.client.operation.duration`.
///
/// ```no_run
/// # async fn example() -> redis::RedisResult<()> {
/// let client = redis::Client::open("redis://127.0.0.1/")?;
/// let mut connection = cachescope_redis::instrument(client.get_multiplexed_async_connection().await?);
///
/// let answer: Option<String> = redis::cmd("GET").arg("key").query_async(&mut connection).await?;
/// # Ok(())
/// # }
/// ```
///
/// A store made of it would tell of everything twice: [`Redis`](crate::Redis) does so by itself.
pub fn instrument<C: ConnectionLike>(connection: C) -> Instrumented<C> {
    Instrument::new().wrap(connection)
}

/// What [`instrument`] may be told beyond a connection, which doesn't know whom it is to. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Instrument {
    client: Client,
    /// Whether the database is known.
    namespace: bool,
    pool_name: Option<Arc<str>>,
}

impl Default for Instrument {
    fn default() -> Self {
        Self::new()
    }
}

impl Instrument {
    /// Telemetry of a server that nothing is known of.
    #[must_use]
    pub fn new() -> Self {
        Self { client: Client::new(System::Redis), namespace: false, pool_name: None }
    }

    /// Tells which server it is, by what a client was made of: its host and port or its socket's path, and the
    /// database.
    #[must_use]
    pub fn of(address: &ConnectionInfo) -> Self {
        let this = Self::new().namespace(address.redis_settings().db());
        match address.addr() {
            ConnectionAddr::Tcp(host, port) | ConnectionAddr::TcpTls { host, port, .. } => this.server(host, *port),
            ConnectionAddr::Unix(path) => this.server(&path.to_string_lossy(), None),
            _ => this,
        }
    }

    /// Tells which server it is: `server.address` and, where it isn't 6379, `server.port`.
    #[must_use]
    pub fn server(mut self, address: &str, port: impl Into<Option<u16>>) -> Self {
        self.client = self.client.server(address, port);
        self
    }

    /// The number of the database: `db.namespace`. Default: what the connection says.
    #[must_use]
    pub fn namespace(mut self, database: i64) -> Self {
        self.client = self.client.namespace(database.to_string());
        self.namespace = true;
        self
    }

    /// Providers other than OpenTelemetry's global ones.
    #[must_use]
    pub fn telemetry(mut self, telemetry: Telemetry) -> Self {
        self.client = self.client.telemetry(telemetry);
        self
    }

    /// What a pool is called: `db.client.connection.pool.name`. Pools of one name add up. Default: the server and the
    /// database, as far as they are known, or `redis`.
    #[must_use]
    pub fn pool_name(mut self, name: &str) -> Self {
        self.pool_name = Some(name.into());
        self
    }

    /// Wraps a connection.
    pub fn wrap<C: ConnectionLike>(self, connection: C) -> Instrumented<C> {
        let this = if self.namespace { self } else { self.namespace(connection.get_db()) };
        Instrumented::new(connection, this.client)
    }

    /// Wraps a pool.
    pub fn pool<P: ConnectionPool>(self, pool: P) -> InstrumentedPool<P> {
        InstrumentedPool::new(pool, &self)
    }

    pub(crate) fn client(&self) -> &Client {
        &self.client
    }

    pub(crate) fn told_pool(&self) -> Pool {
        match &self.pool_name {
            Some(name) => self.client.pool(Arc::clone(name)),
            None => self.client.pool(self.client.pool_name()),
        }
    }
}
