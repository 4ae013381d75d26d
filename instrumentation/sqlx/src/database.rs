//! The interface to the supported databases.

use std::borrow::Cow;
use std::future::Future;

use cachescope_core::shared::{Invalidation, InvalidationStream, StoreErrorKind, StoreFuture};
use cachescope_telemetry::db_client::{Client, System};
use sqlx::error::DatabaseError;
use sqlx::{Database, Pool};

use crate::statement::{Param, Statement};

/// A database that a store supports: `sqlx::Sqlite`, `sqlx::Postgres` and `sqlx::MySql`, each with its feature. Sealed.
pub trait StoreDatabase: SqlDialect {}

/// The removal of a batch of a scope's rows.
#[derive(Clone, Copy, Debug)]
pub struct BatchDelete<'a> {
    /// Removes the batch, or finds its names.
    pub statement: &'a Statement,
    /// The quoted name of the table.
    pub table: &'a str,
    /// The text of the scope.
    pub scope: &'a str,
}

/// The result of one batch of a sweep.
#[derive(Clone, Copy, Debug)]
pub struct SweptBatch {
    /// The number of removed rows: entries, and leases without an entry.
    pub rows: u64,
    /// The number of removed entries.
    pub entries: u64,
}

/// The class of a database error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorClass {
    /// An error of this kind.
    Kind(StoreErrorKind),
    /// The table doesn't exist.
    MissingTable,
}

/// The SQL of a database, and its sqlx calls.
pub trait SqlDialect: Database {
    /// The value of the `cachescope.store` attribute.
    const KIND: &'static str;
    /// The value of `db.system.name`.
    const SYSTEM: System;
    /// The quote character of names.
    const QUOTE: char;
    /// Whether parameters are numbered (`$1`) or positional (`?`).
    const NUMBERED_PARAMS: bool;
    /// Whether a connection stays usable after the future of a statement is dropped.
    const REUSABLE_AFTER_CANCEL: bool = true;
    /// The current time in milliseconds since 1970.
    const NOW: &'static str;
    /// The name of the 64-bit integer type in a CAST.
    const INTEGER: &'static str;
    /// The beginning of the clause by which an INSERT updates an existing row.
    const ON_CONFLICT_UPDATE: &'static str;
    /// The value of a column that the INSERT proposed.
    const PROPOSED_VALUE: &'static str;
    /// Takes a lease.
    const LEASE: &'static str;
    /// Reads the value under a lease, if `LEASE` doesn't return it.
    const READ_LEASED: Option<&'static str>;
    /// Removes a batch of a scope, or returns its names.
    const CLEAR: &'static str;
    /// Removes a batch of expired rows of a scope, or returns their names.
    const SWEEP: &'static str;
    /// Creates the tables, if they don't exist.
    const CREATE: &'static str;
    /// A lock that must be taken in the same transaction before `CREATE`.
    const LOCK: &'static str = "";

    /// Runs a statement, and returns the number of changed rows.
    fn execute(
        connection: &mut Self::Connection,
        statement: &Statement,
        params: &[Param<'_>],
    ) -> impl Future<Output = Result<u64, sqlx::Error>> + Send;

    /// Runs a statement, and returns all its rows. Changes may not be committed until the last row is read.
    fn fetch(
        connection: &mut Self::Connection,
        statement: &Statement,
        params: &[Param<'_>],
    ) -> impl Future<Output = Result<Vec<Self::Row>, sqlx::Error>> + Send;

    /// Runs statements without parameters.
    fn run(connection: &mut Self::Connection, sql: String) -> impl Future<Output = Result<(), sqlx::Error>> + Send;

    /// Returns a column of bytes.
    fn bytes(row: &Self::Row, column: usize) -> Result<Option<Vec<u8>>, sqlx::Error>;

    /// Returns a column of integers.
    fn number(row: &Self::Row, column: usize) -> Result<Option<i64>, sqlx::Error>;

    /// Returns the class of an error.
    fn classify(error: &dyn DatabaseError) -> ErrorClass;

    /// Returns the database's code of an error.
    fn code(error: &dyn DatabaseError) -> Option<String> {
        error.code().map(Cow::into_owned)
    }

    /// Returns the telemetry client of a pool.
    fn client(pool: &Pool<Self>) -> Client;

    /// Removes a batch of a scope, and returns the number of rows.
    fn clear(
        connection: &mut Self::Connection,
        delete: BatchDelete<'_>,
    ) -> impl Future<Output = Result<u64, sqlx::Error>> + Send {
        async move { Self::execute(connection, delete.statement, &[Param::Text(delete.scope)]).await }
    }

    /// Removes a batch of expired rows.
    fn sweep(
        connection: &mut Self::Connection,
        delete: BatchDelete<'_>,
    ) -> impl Future<Output = Result<SweptBatch, sqlx::Error>> + Send {
        async move {
            let rows = Self::fetch(connection, delete.statement, &[Param::Text(delete.scope)]).await?;
            let mut entries = 0;
            for row in &rows {
                entries += u64::from(Self::number(row, 0)?.is_some());
            }
            Ok(SweptBatch { rows: rows.len() as u64, entries })
        }
    }

    /// Publishes an invalidation on the channel of `topic`.
    fn announce<'a>(pool: &'a Pool<Self>, topic: String, invalidation: &'a Invalidation) -> StoreFuture<'a, ()> {
        let _ = (pool, topic, invalidation);
        Box::pin(async { Ok(()) })
    }

    /// Subscribes to the channel of `topic`.
    fn listen<'a>(pool: &'a Pool<Self>, topic: String) -> StoreFuture<'a, Option<Box<dyn InvalidationStream>>> {
        let _ = (pool, topic);
        Box::pin(async { Ok(None) })
    }
}
