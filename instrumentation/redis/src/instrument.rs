//! Telemetry for a Redis client that is used directly.

use std::sync::Arc;

use cachescope_telemetry::Telemetry;
use cachescope_telemetry::db_client::{Client, Pool, System};
use redis::aio::ConnectionLike;
use redis::{ConnectionAddr, ConnectionInfo};

use crate::instrumented::Instrumented;

/// Adds telemetry to a connection, through OpenTelemetry's global providers. Each command or pipeline gets a span of
/// kind client and a record in `db.client.operation.duration`.
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
/// Don't use the result for a store, because [`Redis`](crate::Redis) adds the same telemetry and each command would be
/// recorded twice.
pub fn instrument<C: ConnectionLike>(connection: C) -> Instrumented<C> {
    Instrumentation::new().wrap(connection)
}

/// Configures the telemetry of a connection or a pool. Adds the server's address, which a connection doesn't know.
/// Cheap to clone.
#[derive(Clone, Debug)]
pub struct Instrumentation {
    client: Client,
    /// Whether the database number is set.
    namespace: bool,
    pool_name: Option<Arc<str>>,
}

impl Default for Instrumentation {
    fn default() -> Self {
        Self::new()
    }
}

impl Instrumentation {
    /// Creates a configuration without a server address, with OpenTelemetry's global providers.
    #[must_use]
    pub fn new() -> Self {
        Self { client: Client::new(System::Redis), namespace: false, pool_name: None }
    }

    /// Creates a configuration with the address of a client: its host and port or its socket path, and its database
    /// number.
    #[must_use]
    pub fn from_connection_info(address: &ConnectionInfo) -> Self {
        let this = Self::new().namespace(address.redis_settings().db());
        match address.addr() {
            ConnectionAddr::Tcp(host, port) | ConnectionAddr::TcpTls { host, port, .. } => this.server(host, *port),
            ConnectionAddr::Unix(path) => this.server(&path.to_string_lossy(), None),
            _ => this,
        }
    }

    /// Sets `server.address` and, unless the port is 6379, `server.port`.
    #[must_use]
    pub fn server(mut self, address: &str, port: impl Into<Option<u16>>) -> Self {
        self.client = self.client.server(address, port);
        self
    }

    /// Sets the database number, `db.namespace`. Default: the number that the connection reports.
    #[must_use]
    pub fn namespace(mut self, database: i64) -> Self {
        self.client = self.client.namespace(database.to_string());
        self.namespace = true;
        self
    }

    /// Sets the OpenTelemetry providers. Default: the global providers.
    #[must_use]
    pub fn telemetry(mut self, telemetry: Telemetry) -> Self {
        self.client = self.client.telemetry(telemetry);
        self
    }

    /// Sets the name of a pool, `db.client.connection.pool.name`. The values of pools with the same name are added up.
    /// Default: the server and database as far as they are set, or `redis`.
    #[must_use]
    pub fn pool_name(mut self, name: &str) -> Self {
        self.pool_name = Some(name.into());
        self
    }

    /// Adds telemetry to a connection.
    pub fn wrap<C: ConnectionLike>(self, connection: C) -> Instrumented<C> {
        let this = if self.namespace { self } else { self.namespace(connection.get_db()) };
        Instrumented::new(connection, this.client)
    }

    pub(crate) fn client(&self) -> &Client {
        &self.client
    }

    pub(crate) fn pool_telemetry(&self) -> Pool {
        match &self.pool_name {
            Some(name) => self.client.pool(Arc::clone(name)),
            None => self.client.pool(self.client.pool_name()),
        }
    }
}
