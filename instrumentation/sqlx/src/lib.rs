//! SQLite, PostgreSQL, MySQL and MariaDB as stores of `cached(...)`, by sqlx.
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
//! The pool is yours: what it connects to, how many connections it has and how it uses TLS (feature `tls`) is said
//! where it is made, and it may serve other queries as well. Everything runs on tokio.
//!
//! Without any cache, [`instrument`] tells OpenTelemetry how a pool and its queries do.
//!
//! Each database is a feature, and none is on by default.

mod dialect;
mod error;
mod instrumented;
mod lent;
#[cfg(feature = "mysql")]
mod mysql;
#[cfg(feature = "postgres")]
mod notices;
#[cfg(feature = "postgres")]
mod postgres;
#[cfg(feature = "sqlite")]
mod sqlite;
#[cfg_attr(
    not(any(feature = "sqlite", feature = "postgres", feature = "mysql")),
    expect(dead_code, reason = "without a database nobody has a statement")
)]
mod statement;
mod statements;
mod store;
mod table;
mod watch;

pub use crate::dialect::Dialect;
pub use crate::instrumented::{Instrument, Instrumented, instrument};
pub use crate::lent::Lent;
pub use crate::store::Sql;
pub use crate::watch::Watch;

/// SQLite as a store: `Sqlite::new(pool)`.
///
/// Use WAL (`journal_mode`), or readers wait for whoever writes; with `synchronous(Normal)` a write doesn't wait for the
/// disk, and what a power failure takes is the latest entries. A writer waits for another one for `busy_timeout`,
/// five seconds unless you say otherwise, and then fails with the kind `Timeout`. Processes on one machine can share a
/// file; those on several, over a network file system, can't.
///
/// A database in memory goes with its last connection, so a pool to one has to keep it: give it `max_connections(1)`,
/// `idle_timeout(None)`, `max_lifetime(None)`, and `test_before_acquire(false)`, as sqlx closes the connection if an
/// operation is given up during that test.
#[cfg(feature = "sqlite")]
pub type Sqlite = Sql<sqlx::Sqlite>;

/// PostgreSQL as a store: `Postgres::new(pool)`.
///
/// Processes hear of each other's invalidations through LISTEN and NOTIFY, for which each cache that listens has a
/// connection of its own beside the pool. It is asked every ten seconds whether it is still there. PostgreSQL lets one
/// transaction at a time commit a notice.
///
/// For PostgreSQL 12 and later.
///
/// A pooler that hands out connections by transaction (PgBouncer before 1.21) needs `statement_cache_capacity(0)`, and
/// doesn't let anybody listen.
#[cfg(feature = "postgres")]
pub type Postgres = Sql<sqlx::Postgres>;

/// MySQL or MariaDB as a store: `MySql::new(pool)`.
///
/// Values may have as many bytes as the server's `max_allowed_packet`, less some hundred for the statement: 64 MB by
/// default in MySQL, 16 MB in MariaDB.
///
/// A user of MySQL 8 who logs in by `caching_sha2_password`, as all do by default, needs TLS, or sqlx's feature
/// `mysql-rsa`.
#[cfg(feature = "mysql")]
pub type MySql = Sql<sqlx::MySql>;
