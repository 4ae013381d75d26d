//! The SQL and errors of PostgreSQL.

use cachescope_core::shared::{Invalidation, InvalidationStream, StoreErrorKind, StoreFuture};
use cachescope_telemetry::db_client::System;
use sqlx::error::DatabaseError;
use sqlx::postgres::{PgArguments, PgConnection, PgRow};
use sqlx::{Pool, Postgres};

use crate::database::{ErrorClass, SqlDialect, StoreDatabase};
use crate::statement::{Param, Statement};
use crate::statement_methods::{server_client_method, statement_methods};
use crate::{invalidations, on_conflict};

impl StoreDatabase for Postgres {}

impl SqlDialect for Postgres {
    const KIND: &'static str = "postgresql";
    const SYSTEM: System = System::PostgreSql;
    const QUOTE: char = '"';
    const NUMBERED_PARAMS: bool = true;
    /// Constant during a statement, so that an index on a time can be used.
    const NOW: &'static str = "CAST(FLOOR(EXTRACT(EPOCH FROM statement_timestamp()) * 1000) AS BIGINT)";
    const INTEGER: &'static str = "BIGINT";
    const ON_CONFLICT_UPDATE: &'static str = on_conflict::ON_CONFLICT_UPDATE;
    const PROPOSED_VALUE: &'static str = on_conflict::PROPOSED_VALUE;
    const LEASE: &'static str = on_conflict::LEASE;
    const READ_LEASED: Option<&'static str> = None;
    /// Locks rows in the order of their names, so that two clears don't deadlock. Waits for rows that another statement
    /// changes, and removes them too. So a value that is stored during a clear doesn't survive it.
    const CLEAR: &'static str = "WITH picked AS MATERIALIZED \
        (SELECT name FROM {table} WHERE scope = $1 ORDER BY name LIMIT {batch} FOR UPDATE) \
        DELETE FROM {table} AS gone USING picked WHERE gone.scope = $1 AND gone.name = picked.name";
    const SWEEP: &'static str = "WITH picked AS MATERIALIZED \
        (SELECT name FROM {table} WHERE scope = $1 AND {expired} LIMIT {batch} FOR UPDATE SKIP LOCKED) \
        DELETE FROM {table} AS gone USING picked WHERE gone.scope = $1 AND gone.name = picked.name RETURNING gone.size";
    /// Names are compared byte by byte, with any collation of the database.
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
    /// Without the lock, two processes that create the table at the same time fail in one of them. Statements that are
    /// sent together are one transaction. The number is `cachesco` in ASCII.
    const LOCK: &'static str = "SELECT pg_advisory_xact_lock(7161114182525608815);";

    statement_methods!(PgConnection, PgRow);

    fn classify(error: &dyn DatabaseError) -> ErrorClass {
        ErrorClass::Kind(match error.code().as_deref().unwrap_or_default() {
            "42P01" => return ErrorClass::MissingTable,
            // The time limit of a statement or a lock.
            "57014" | "55P03" => StoreErrorKind::Timeout,
            // A missing privilege, or a read-only replica or transaction.
            "42501" | "25006" => StoreErrorKind::Refused,
            code if code.starts_with("28") => StoreErrorKind::Refused,
            // Disk, memory, connections.
            code if code.starts_with("53") => StoreErrorKind::Full,
            // Broken connections, or a server that shuts down or starts.
            code if code.starts_with("08") || code.starts_with("57P") => StoreErrorKind::Unreachable,
            _ => StoreErrorKind::Other,
        })
    }

    fn announce<'a>(pool: &'a Pool<Self>, topic: String, invalidation: &'a Invalidation) -> StoreFuture<'a, ()> {
        invalidations::announce(pool, topic, invalidation)
    }

    fn listen<'a>(pool: &'a Pool<Self>, topic: String) -> StoreFuture<'a, Option<Box<dyn InvalidationStream>>> {
        invalidations::listen(pool, topic)
    }

    server_client_method!();
}

fn query<'a>(statement: &Statement, params: &[Param<'a>]) -> sqlx::query::Query<'a, Postgres, PgArguments> {
    statement.ordered(params).fold(sqlx::query(statement.sql()), |query, param| match param {
        Param::Text(text) => query.bind(text),
        Param::Bytes(bytes) => query.bind(bytes),
        Param::Number(number) => query.bind(number),
    })
}
