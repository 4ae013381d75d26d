//! SQLite, PostgreSQL, MySQL and MariaDB as shared stores of `cached(...)`, through sqlx.
//!
//! ```
//! # #[cfg(feature = "sqlite")]
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! use cachescope_sqlx::Sqlite;
//! use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePool};
//!
//! let options = SqliteConnectOptions::new()
//!     .filename("cache.db")
//!     .create_if_missing(true)
//!     .journal_mode(SqliteJournalMode::Wal);
//! let store = Sqlite::new(SqlitePool::connect_with(options).await?);
//! store.create_table().await?;
//! # Ok(())
//! # }
//! ```
//!
//! The pool is yours. You set its address, number of connections and TLS (feature `tls`) when you create it, and it may
//! serve other queries as well. Everything runs on tokio.
//!
//! Without a cache, [`instrument`] adds OpenTelemetry to a pool and its queries.
//!
//! Each database is a feature. No database is enabled by default.

#![cfg_attr(docsrs, feature(doc_cfg))]

mod byte_store;
mod database;
mod error;
mod instrumented;
mod instrumented_query;
#[cfg(feature = "postgres")]
mod invalidations;
#[cfg(feature = "mysql")]
mod mysql;
#[cfg(any(feature = "sqlite", feature = "postgres"))]
mod on_conflict;
mod pooled_connection;
#[cfg(feature = "postgres")]
mod postgres;
#[cfg(feature = "sqlite")]
mod sqlite;
#[cfg_attr(
    not(any(feature = "sqlite", feature = "postgres", feature = "mysql")),
    expect(dead_code, reason = "statements are only built for a database")
)]
mod statement;
#[cfg(any(feature = "sqlite", feature = "postgres", feature = "mysql"))]
mod statement_methods;
mod statements;
mod store;
mod table;

pub use crate::database::StoreDatabase;
pub use crate::instrumented::{Instrumentation, Instrumented, instrument};
pub use crate::instrumented_query::InstrumentedQuery;
pub use crate::pooled_connection::PooledConnection;
pub use crate::store::SqlStore;

/// A shared store in SQLite. Create it with `Sqlite::new(pool)`.
///
/// Use WAL (`journal_mode`), otherwise readers wait for writers. With `synchronous(Normal)`, a write doesn't wait for
/// the disk, and a power failure may lose the latest entries. A writer waits for another writer for up to
/// `busy_timeout`, by default five seconds, and then fails with the kind `Timeout`. Processes on one machine can share
/// a file. Processes on several machines can't, even with a network file system.
///
/// A database in memory is dropped with its last connection. Its pool must keep one connection: set
/// `max_connections(1)`, `idle_timeout(None)`, `max_lifetime(None)`, and `test_before_acquire(false)`. With that test
/// enabled, sqlx closes the connection if an operation is dropped during the test.
#[cfg(feature = "sqlite")]
pub type Sqlite = SqlStore<sqlx::Sqlite>;

/// A shared store in PostgreSQL. Create it with `Postgres::new(pool)`.
///
/// Processes receive each other's invalidations through LISTEN and NOTIFY. Each cache that listens has a separate
/// connection outside the pool, which is checked every ten seconds. PostgreSQL commits one transaction with a
/// notification at a time.
///
/// Requires PostgreSQL 12 or later.
///
/// With a connection pooler in transaction mode (PgBouncer before 1.21), set `statement_cache_capacity(0)`. Such a
/// pooler doesn't support LISTEN.
#[cfg(feature = "postgres")]
pub type Postgres = SqlStore<sqlx::Postgres>;

/// A shared store in MySQL or MariaDB. Create it with `MySql::new(pool)`.
///
/// The maximum size of a value is the server's `max_allowed_packet` less some hundred bytes for the statement. The
/// server's default is 64 MB in MySQL and 16 MB in MariaDB.
///
/// MySQL 8 users log in with `caching_sha2_password` by default. This requires TLS, or sqlx's feature `mysql-rsa`.
#[cfg(feature = "mysql")]
pub type MySql = SqlStore<sqlx::MySql>;
