//! A pool that tells OpenTelemetry how it does.

use std::fmt;
use std::sync::Arc;

use cachescope_core::client::{self, Client, PoolLevels, PoolRegistration};
use sqlx::Pool;

use crate::dialect::Dialect;
use crate::lent::Lent;
use crate::watch::Watch;

/// Tells OpenTelemetry's global providers how `pool` does, until the last clone of what is returned is dropped.
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
#[must_use = "the pool is told of until the last clone is dropped"]
pub fn instrument<DB: Dialect>(pool: Pool<DB>) -> Instrumented<DB> {
    Instrument::new(pool).build()
}

/// How an [`Instrumented`] pool is to be told of.
#[must_use = "nothing is told before `build`"]
pub struct Instrument<DB: Dialect> {
    pool: Pool<DB>,
    client: Client,
    name: Option<String>,
    texts: bool,
}

impl<DB: Dialect> Instrument<DB> {
    /// With what is default: the client as the pool's options have it, and no query's text.
    pub fn new(pool: Pool<DB>) -> Self {
        let client = DB::client(&pool);
        Self { pool, client, name: None, texts: false }
    }

    /// Changes what is told of the client: `.client(|client| client.telemetry(mine))`. By default it has the system,
    /// the server's address and the database that the pool's options name, and goes to the global providers. MariaDB is
    /// told as MySQL unless you say otherwise here.
    pub fn client(mut self, change: impl FnOnce(Client) -> Client) -> Self {
        self.client = change(self.client);
        self
    }

    /// What the pool is called in `db.client.connection.pool.name`. Default: the server and the database. Pools of one
    /// name add up.
    pub fn pool_name(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// Tells the texts of queries on their spans, with literals taken out. Default: it doesn't.
    pub fn query_texts(mut self, tell: bool) -> Self {
        self.texts = tell;
        self
    }

    /// The pool, told of from now on.
    #[must_use = "the pool is told of until the last clone is dropped"]
    pub fn build(self) -> Instrumented<DB> {
        let Self { pool, client, name, texts } = self;
        let told = client.pool(name.unwrap_or_else(|| client.pool_name()));
        let registration = told.observe({
            let pool = pool.clone();
            move || levels(&pool)
        });
        Instrumented(Arc::new(Inner { pool, client, told, texts, _registration: registration }))
    }
}

impl<DB: Dialect> fmt::Debug for Instrument<DB> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Instrument").field("client", &self.client).field("name", &self.name).finish_non_exhaustive()
    }
}

/// A pool that tells OpenTelemetry how it does. Cheap to clone.
///
/// - How many connections are idle and used, and how many there may be, whoever uses them:
///   `db.client.connection.count` and `.max`.
/// - Who waits for one, how long, and in vain; and how long it is away: `.pending_requests`, `.wait_time`, `.timeouts`
///   and `.use_time` see what goes through [`acquire`](Self::acquire), [`query`](Self::query) and
///   [`operation`](Self::operation). sqlx has no place to look at what goes straight to the pool.
/// - What operations take: `db.client.operation.duration`, and a span of each, see [`Watch`].
pub struct Instrumented<DB: Dialect>(Arc<Inner<DB>>);

struct Inner<DB: Dialect> {
    pool: Pool<DB>,
    client: Client,
    told: client::Pool,
    texts: bool,
    _registration: PoolRegistration,
}

impl<DB: Dialect> Instrumented<DB> {
    /// The pool itself.
    #[must_use]
    pub fn pool(&self) -> &Pool<DB> {
        &self.0.pool
    }

    /// A connection of the pool: [`Pool::acquire`], told of. The wait counts until this returns or is dropped, the use
    /// until the connection is.
    ///
    /// # Errors
    /// Those of [`Pool::acquire`].
    pub async fn acquire(&self) -> Result<Lent<DB>, sqlx::Error> {
        let waiting = self.0.told.wait_started();
        match self.0.pool.acquire().await {
            Ok(connection) => {
                waiting.obtained();
                Ok(Lent::new(connection, Some(self.0.told.use_started())))
            }
            Err(error) => {
                if matches!(error, sqlx::Error::PoolTimedOut) {
                    waiting.timed_out();
                }
                Err(error)
            }
        }
    }

    /// The query of this text, to be run. It is told by its command, such as `SELECT`, and on the span by what it is
    /// about.
    pub fn query(&self, sql: &str) -> Watch<'_, DB> {
        let dialect = DB::SYSTEM.dialect();
        let name = dialect.and_then(|dialect| dialect.operation(sql)).unwrap_or_default();
        let mut operation = self.0.client.operation(name);
        if let Some(summary) = dialect.and_then(|dialect| dialect.summary(sql)) {
            operation = operation.query_summary(summary);
        }
        if let Some(dialect) = dialect.filter(|_| self.0.texts) {
            operation = operation.query_text(dialect.sanitised(sql));
        }
        Watch::new(self, operation)
    }

    /// An operation of this name, to be run: of several queries, say, or of one that has a better name than its
    /// command. Each name is a series: never make it of data.
    pub fn operation(&self, name: &'static str) -> Watch<'_, DB> {
        Watch::new(self, self.0.client.operation(name))
    }

    pub(crate) fn client(&self) -> &Client {
        &self.0.client
    }
}

impl<DB: Dialect> Clone for Instrumented<DB> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<DB: Dialect> fmt::Debug for Instrumented<DB> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Instrumented")
            .field("client", &self.0.client)
            .field("pool", &self.0.told)
            .finish_non_exhaustive()
    }
}

fn levels<DB: Dialect>(pool: &Pool<DB>) -> Option<PoolLevels> {
    if pool.is_closed() {
        return None;
    }
    // The two are read one after the other, and a connection may have come or gone in between.
    let size = u64::from(pool.size());
    let idle = (pool.num_idle() as u64).min(size);
    let max = u64::from(pool.options().get_max_connections());
    Some(PoolLevels { idle, used: size - idle, max: Some(max), ..PoolLevels::default() })
}
