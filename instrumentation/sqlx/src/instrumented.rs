//! A connection pool with telemetry.

use std::fmt;
use std::sync::Arc;

use cachescope_telemetry::db_client::{Client, Pool as PoolMetrics, PoolLevels, PoolRegistration};
use sqlx::Pool;

use crate::database::StoreDatabase;
use crate::pooled_connection::PooledConnection;

/// Adds telemetry to a pool, through OpenTelemetry's global providers. The pool is reported until the last clone of the
/// result is dropped.
///
/// ```
/// # #[cfg(feature = "sqlite")]
/// # async fn example(pool: sqlx::SqlitePool) -> Result<(), sqlx::Error> {
/// let db = cachescope_sqlx::instrument(pool);
///
/// let sql = "SELECT name FROM users WHERE id = $1";
/// let name: String = db
///     .query(sql)
///     .run(async |connection| sqlx::query_scalar(sql).bind(7).fetch_one(connection).await)
///     .await?;
/// # Ok(())
/// # }
/// ```
#[must_use = "the pool is reported until the last clone is dropped"]
pub fn instrument<DB: StoreDatabase>(pool: Pool<DB>) -> Instrumented<DB> {
    Instrumentation::new(pool).build()
}

/// Configures the telemetry of a pool.
#[must_use = "nothing is reported before `build`"]
pub struct Instrumentation<DB: StoreDatabase> {
    pool: Pool<DB>,
    client: Client,
    name: Option<String>,
    query_texts: bool,
}

impl<DB: StoreDatabase> Instrumentation<DB> {
    /// Creates a configuration with the address of the pool's options, OpenTelemetry's global providers, and without
    /// query texts.
    pub fn new(pool: Pool<DB>) -> Self {
        let client = DB::client(&pool);
        Self { pool, client, name: None, query_texts: false }
    }

    /// Changes the telemetry client, for example `.client(|client| client.telemetry(mine))`. Default: the system,
    /// server address and database of the pool's options, and the global providers. MariaDB is reported as MySQL unless
    /// you change it here.
    pub fn client(mut self, change: impl FnOnce(Client) -> Client) -> Self {
        self.client = change(self.client);
        self
    }

    /// Sets the name of the pool, `db.client.connection.pool.name`. The values of pools with the same name are added
    /// up. Default: the server and the database.
    pub fn pool_name(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// Sets whether spans contain the text of queries, with literals replaced by `?`. Default: `false`.
    pub fn query_texts(mut self, enabled: bool) -> Self {
        self.query_texts = enabled;
        self
    }

    /// Returns the pool with telemetry.
    #[must_use = "the pool is reported until the last clone is dropped"]
    pub fn build(self) -> Instrumented<DB> {
        let Self { pool, client, name, query_texts } = self;
        let telemetry = client.pool(name.unwrap_or_else(|| client.pool_name()));
        let registration = telemetry.observe({
            let pool = pool.clone();
            move || levels(&pool)
        });
        Instrumented(Arc::new(PoolTelemetry { pool, client, telemetry, query_texts, _registration: registration }))
    }
}

impl<DB: StoreDatabase> fmt::Debug for Instrumentation<DB> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Instrumentation")
            .field("client", &self.client)
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

/// A pool that reports to OpenTelemetry. Cheap to clone.
///
/// - `db.client.connection.count` and `.max` report the idle and used connections of the whole pool, and their maximum.
/// - `.pending_requests`, `.wait_time`, `.timeouts` and `.use_time` report waits and uses through
///   [`acquire`](Self::acquire), [`query`](Self::query) and [`operation`](Self::operation). Calls directly to the pool
///   aren't reported, because sqlx has no hook for them.
/// - `db.client.operation.duration` and spans report operations, see [`InstrumentedQuery`](crate::InstrumentedQuery).
pub struct Instrumented<DB: StoreDatabase>(Arc<PoolTelemetry<DB>>);

struct PoolTelemetry<DB: StoreDatabase> {
    pool: Pool<DB>,
    client: Client,
    telemetry: PoolMetrics,
    query_texts: bool,
    _registration: PoolRegistration,
}

impl<DB: StoreDatabase> Instrumented<DB> {
    /// Returns the pool without telemetry.
    #[must_use]
    pub fn pool(&self) -> &Pool<DB> {
        &self.0.pool
    }

    /// Takes a connection from the pool, like [`Pool::acquire`]. The wait is recorded until this returns or is dropped.
    /// The use is recorded until the connection is dropped.
    ///
    /// # Errors
    /// The errors of [`Pool::acquire`].
    pub async fn acquire(&self) -> Result<PooledConnection<DB>, sqlx::Error> {
        let waiting = self.0.telemetry.wait_started();
        match self.0.pool.acquire().await {
            Ok(connection) => {
                waiting.obtained();
                Ok(PooledConnection::new(connection, Some(self.0.telemetry.use_started())))
            }
            Err(error) => {
                if matches!(error, sqlx::Error::PoolTimedOut) {
                    waiting.timed_out();
                }
                Err(error)
            }
        }
    }

    pub(crate) fn client(&self) -> &Client {
        &self.0.client
    }

    /// Whether spans contain the text of queries.
    pub(crate) fn has_query_texts(&self) -> bool {
        self.0.query_texts
    }
}

impl<DB: StoreDatabase> Clone for Instrumented<DB> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<DB: StoreDatabase> fmt::Debug for Instrumented<DB> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Instrumented")
            .field("client", &self.0.client)
            .field("pool", &self.0.telemetry)
            .finish_non_exhaustive()
    }
}

fn levels<DB: StoreDatabase>(pool: &Pool<DB>) -> Option<PoolLevels> {
    if pool.is_closed() {
        return None;
    }
    // The two values are read one after the other, and a connection may be opened or closed in between.
    let size = u64::from(pool.size());
    let idle = (pool.num_idle() as u64).min(size);
    let max = u64::from(pool.options().get_max_connections());
    Some(PoolLevels { idle, used: size - idle, max: Some(max), ..PoolLevels::default() })
}
