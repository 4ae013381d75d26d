//! What PostgreSQL says.

use cachescope_core::client::{Client, System};
use cachescope_core::shared::{Notice, Notices, Scope, StoreErrorKind, StoreFuture};
use sqlx::error::DatabaseError;
use sqlx::postgres::{PgArguments, PgConnection, PgRow};
use sqlx::{AssertSqlSafe, Pool, Postgres, Row};

use crate::dialect::{Dialect, Spoken, Verdict, on_conflict};
use crate::notices;
use crate::statement::{Param, Statement};
use crate::store::Sql;

impl Dialect for Postgres {}

impl Spoken for Postgres {
    const KIND: &'static str = "postgresql";
    const SYSTEM: System = System::PostgreSql;
    const QUOTE: char = '"';
    const NUMBERED: bool = true;
    /// The same throughout a statement, so that an index on a time serves.
    const NOW: &'static str = "CAST(FLOOR(EXTRACT(EPOCH FROM statement_timestamp()) * 1000) AS BIGINT)";
    const INTEGER: &'static str = "BIGINT";
    const OR_UPDATE: &'static str = on_conflict::OR_UPDATE;
    const NEW: &'static str = on_conflict::NEW;
    const LEASE: &'static str = on_conflict::LEASE;
    const LOOK: Option<&'static str> = None;
    /// Locked in the order of their names, so that two that clear don't wait for each other in a circle. What another
    /// changes meanwhile is waited for and dropped too: a value that is stored during a clear doesn't survive it.
    const CLEAR: &'static str = "WITH picked AS MATERIALIZED \
        (SELECT name FROM {table} WHERE scope = $1 ORDER BY name LIMIT {batch} FOR UPDATE) \
        DELETE FROM {table} AS gone USING picked WHERE gone.scope = $1 AND gone.name = picked.name";
    const SWEEP: &'static str = "WITH picked AS MATERIALIZED \
        (SELECT name FROM {table} WHERE scope = $1 AND {over} LIMIT {batch} FOR UPDATE SKIP LOCKED) \
        DELETE FROM {table} AS gone USING picked WHERE gone.scope = $1 AND gone.name = picked.name RETURNING gone.size";
    /// Compared byte by byte, whatever the database's collation.
    const CREATE: &'static str = "\
CREATE TABLE IF NOT EXISTS {table} (
    scope TEXT COLLATE \"C\" NOT NULL,
    name TEXT COLLATE \"C\" NOT NULL,
    size BIGINT,
    expires_at BIGINT,
    lease_token BIGINT,
    lease_until BIGINT,
    value BYTEA,
    PRIMARY KEY (scope, name)
);
CREATE INDEX IF NOT EXISTS \"{index}\" ON {table} (scope, expires_at, size);
CREATE TABLE IF NOT EXISTS {schema} (version BIGINT NOT NULL PRIMARY KEY);
INSERT INTO {schema} (version) VALUES ({version}) ON CONFLICT DO NOTHING;
";
    /// Two that find no table at once both make it, and one of them fails. All that is sent at once is one
    /// transaction. The number is `cachesco` in ASCII.
    const LOCK: &'static str = "SELECT pg_advisory_xact_lock(7161114182525608815);";

    async fn execute(
        connection: &mut PgConnection,
        statement: &Statement,
        params: &[Param<'_>],
    ) -> Result<u64, sqlx::Error> {
        Ok(query(statement, params).execute(connection).await?.rows_affected())
    }

    async fn fetch(
        connection: &mut PgConnection,
        statement: &Statement,
        params: &[Param<'_>],
    ) -> Result<Vec<PgRow>, sqlx::Error> {
        query(statement, params).fetch_all(connection).await
    }

    async fn run(connection: &mut PgConnection, sql: String) -> Result<(), sqlx::Error> {
        sqlx::raw_sql(AssertSqlSafe(sql)).execute(connection).await.map(drop)
    }

    fn bytes(row: &PgRow, column: usize) -> Result<Option<Vec<u8>>, sqlx::Error> {
        row.try_get(column)
    }

    fn number(row: &PgRow, column: usize) -> Result<Option<i64>, sqlx::Error> {
        row.try_get(column)
    }

    fn verdict(error: &dyn DatabaseError) -> Verdict {
        Verdict::Is(match error.code().as_deref().unwrap_or_default() {
            "42P01" => return Verdict::NoTable,
            // A statement's or a lock's time limit.
            "57014" | "55P03" => StoreErrorKind::Timeout,
            // No privilege, and a replica or a transaction that only reads.
            "42501" | "25006" => StoreErrorKind::Refused,
            code if code.starts_with("28") => StoreErrorKind::Refused,
            // Disk, memory, connections.
            code if code.starts_with("53") => StoreErrorKind::Full,
            // Broken connections; a server that shuts down or isn't up yet.
            code if code.starts_with("08") || code.starts_with("57P") => StoreErrorKind::Unreachable,
            _ => StoreErrorKind::Other,
        })
    }

    fn announce<'a>(store: &'a Sql<Self>, scope: &'a Scope, notice: &'a Notice) -> StoreFuture<'a, ()> {
        notices::announce(store, scope, notice)
    }

    fn listen<'a>(store: &'a Sql<Self>, scope: &'a Scope) -> StoreFuture<'a, Option<Box<dyn Notices>>> {
        notices::listen(store, scope)
    }

    fn client(pool: &Pool<Self>) -> Client {
        let options = pool.connect_options();
        let client = match options.get_socket() {
            Some(socket) => Client::new(Self::SYSTEM).server(socket.to_string_lossy(), None),
            None => Client::new(Self::SYSTEM).server(options.get_host(), options.get_port()),
        };
        match options.get_database() {
            Some(database) => client.namespace(database),
            None => client,
        }
    }
}

fn query<'a>(statement: &Statement, params: &[Param<'a>]) -> sqlx::query::Query<'a, Postgres, PgArguments> {
    statement.ordered(params).fold(sqlx::query(statement.sql()), |query, param| match param {
        Param::Text(text) => query.bind(text),
        Param::Bytes(bytes) => query.bind(bytes),
        Param::Number(number) => query.bind(number),
    })
}
