//! What differs from one database to the next.

use std::borrow::Cow;
use std::future::Future;

use cachescope_core::client::{Client, System};
use cachescope_core::shared::{Notice, Notices, Scope, StoreErrorKind, StoreFuture};
use sqlx::error::DatabaseError;
use sqlx::{Database, Pool};

use crate::statement::{Param, Statement};
use crate::statements::{BATCH, Statements};
use crate::store::Sql;

/// A database that can be a store: `sqlx::Sqlite`, `sqlx::Postgres` and `sqlx::MySql`, each with its feature.
pub trait Dialect: Spoken {}

/// What a batch of a sweep dropped.
#[derive(Clone, Copy, Debug)]
pub struct Swept {
    /// Entries, and leases alone.
    pub rows: u64,
    /// Entries.
    pub entries: u64,
}

/// What is wrong, as the database says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Of this kind.
    Is(StoreErrorKind),
    /// The table isn't there.
    NoTable,
}

/// The words of a database, and how sqlx is asked to say them.
pub trait Spoken: Database {
    /// The value of the attribute `cachescope.store`.
    const KIND: &'static str;
    /// The value of `db.system.name`.
    const SYSTEM: System;
    /// What names are quoted in.
    const QUOTE: char;
    /// Whether parameters are `$1`; otherwise they are `?`.
    const NUMBERED: bool;
    /// Whether a connection can be used again whose statement was dropped half-way.
    const RESUMES: bool = true;
    /// Milliseconds since 1970.
    const NOW: &'static str;
    /// The integer of 64 bits, in a CAST.
    const INTEGER: &'static str;
    /// How an INSERT begins to say what becomes of the row that is there.
    const OR_UPDATE: &'static str;
    /// What a column would have been, had there been no row.
    const NEW: &'static str;
    /// Takes a lease.
    const LEASE: &'static str;
    /// Looks at what is stored under a lease.
    const LOOK: Option<&'static str>;
    /// Drops a batch of a scope.
    const CLEAR: &'static str;
    /// Drops a batch of what is over in a scope.
    const SWEEP: &'static str;
    /// Makes the tables, if they aren't there.
    const CREATE: &'static str;
    /// What must be done in the same transaction before `CREATE`.
    const LOCK: &'static str = "";

    /// Runs a statement, and says how many rows it changed.
    fn execute(
        connection: &mut Self::Connection,
        statement: &Statement,
        params: &[Param<'_>],
    ) -> impl Future<Output = Result<u64, sqlx::Error>> + Send;

    /// The rows of a statement, all of them: before the last has come, what it changed may not be committed.
    fn fetch(
        connection: &mut Self::Connection,
        statement: &Statement,
        params: &[Param<'_>],
    ) -> impl Future<Output = Result<Vec<Self::Row>, sqlx::Error>> + Send;

    /// Runs statements that take no parameters.
    fn run(connection: &mut Self::Connection, sql: String) -> impl Future<Output = Result<(), sqlx::Error>> + Send;

    /// A column of bytes.
    fn bytes(row: &Self::Row, column: usize) -> Result<Option<Vec<u8>>, sqlx::Error>;

    /// A column of numbers.
    fn number(row: &Self::Row, column: usize) -> Result<Option<i64>, sqlx::Error>;

    /// What an error means.
    fn verdict(error: &dyn DatabaseError) -> Verdict;

    /// The database's code of an error.
    fn code(error: &dyn DatabaseError) -> Option<String> {
        error.code().map(Cow::into_owned)
    }

    /// What telemetry tells of a pool's client.
    fn client(pool: &Pool<Self>) -> Client;

    /// Drops a batch of a scope, and says how many rows.
    fn clear(
        connection: &mut Self::Connection,
        statements: &Statements,
        scope: &str,
    ) -> impl Future<Output = Result<u64, sqlx::Error>> + Send {
        async move { Self::execute(connection, &statements.clear, &[Param::Text(scope)]).await }
    }

    /// Drops a batch of what is over.
    fn sweep(
        connection: &mut Self::Connection,
        statements: &Statements,
        scope: &str,
    ) -> impl Future<Output = Result<Swept, sqlx::Error>> + Send {
        async move {
            let rows = Self::fetch(connection, &statements.sweep, &[Param::Text(scope)]).await?;
            let mut entries = 0;
            for row in &rows {
                entries += u64::from(Self::number(row, 0)?.is_some());
            }
            Ok(Swept { rows: rows.len() as u64, entries })
        }
    }

    /// Tells whoever listens.
    fn announce<'a>(store: &'a Sql<Self>, scope: &'a Scope, notice: &'a Notice) -> StoreFuture<'a, ()>
    where
        Self: Dialect,
    {
        let _ = (store, scope, notice);
        Box::pin(async { Ok(()) })
    }

    /// Listens.
    fn listen<'a>(store: &'a Sql<Self>, scope: &'a Scope) -> StoreFuture<'a, Option<Box<dyn Notices>>>
    where
        Self: Dialect,
    {
        let _ = (store, scope);
        Box::pin(async { Ok(None) })
    }
}

/// Whether there may be more after a batch of so many rows.
pub(crate) const fn may_be_more(rows: u64) -> bool {
    rows >= BATCH
}

/// INSERT .. ON CONFLICT, which SQLite has from PostgreSQL.
#[cfg(any(feature = "sqlite", feature = "postgres"))]
pub(crate) mod on_conflict {
    pub(crate) const OR_UPDATE: &str = "ON CONFLICT (scope, name) DO UPDATE SET";

    pub(crate) const NEW: &str = "EXCLUDED.{}";

    pub(crate) const LEASE: &str = "INSERT INTO {table} AS held (scope, name, expires_at, lease_token, lease_until) \
        VALUES ($1, $2, {now} + $4, $3, {now} + $4) {or_update} \
        lease_token = {new}(lease_token), lease_until = {new}(lease_until), \
        expires_at = CASE WHEN held.size IS NULL THEN {new}(expires_at) ELSE held.expires_at END \
        WHERE held.lease_token IS NULL OR held.lease_until <= {now} OR held.lease_token = {new}(lease_token) \
        RETURNING CASE WHEN {live} THEN value END";
}
