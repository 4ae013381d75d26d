//! What sqlx's errors mean for a store.

use std::error::Error;
use std::fmt;

use cachescope_core::client::Failed;
use cachescope_core::shared::{StoreError, StoreErrorKind};

use crate::dialect::{Dialect, Verdict};

/// The table isn't there.
#[derive(Debug)]
struct NoTable {
    source: sqlx::Error,
}

impl fmt::Display for NoTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the cache's table isn't there: call create_table() once, or run what schema() says")
    }
}

impl Error for NoTable {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&self.source)
    }
}

/// The tables are of a later version.
#[derive(Debug)]
pub(crate) struct Newer {
    pub(crate) version: i64,
}

impl fmt::Display for Newer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the cache's table is of version {}, which a newer cachescope made: update this one", self.version)
    }
}

impl Error for Newer {}

/// `error`, as a store's.
pub(crate) fn failed<DB: Dialect>(error: sqlx::Error) -> StoreError {
    let kind = match &error {
        sqlx::Error::PoolTimedOut => StoreErrorKind::Timeout,
        sqlx::Error::Io(_) | sqlx::Error::Tls(_) | sqlx::Error::PoolClosed | sqlx::Error::WorkerCrashed => {
            StoreErrorKind::Unreachable
        }
        sqlx::Error::Database(said) => match DB::verdict(&**said) {
            Verdict::Is(kind) => kind,
            Verdict::NoTable => return StoreError::new(StoreErrorKind::Other, NoTable { source: error }),
        },
        _ => StoreErrorKind::Other,
    };
    StoreError::new(kind, error)
}

/// Whether the table isn't there.
pub(crate) fn is_no_table<DB: Dialect>(error: &sqlx::Error) -> bool {
    error.as_database_error().is_some_and(|said| DB::verdict(said) == Verdict::NoTable)
}

/// What telemetry tells of an error: the database's code of it, or sqlx's kind. Never its text.
pub(crate) fn told<DB: Dialect>(error: &sqlx::Error) -> Failed {
    Failed::new(match error {
        sqlx::Error::Database(said) => {
            return match DB::code(&**said) {
                Some(code) => Failed::new(code.clone()).status_code(code),
                None => Failed::new("database"),
            };
        }
        sqlx::Error::Configuration(_) => "configuration",
        sqlx::Error::Io(_) => "io",
        sqlx::Error::Tls(_) => "tls",
        sqlx::Error::Protocol(_) => "protocol",
        sqlx::Error::RowNotFound => "row_not_found",
        sqlx::Error::ColumnDecode { .. } | sqlx::Error::Decode(_) => "decode",
        sqlx::Error::Encode(_) => "encode",
        sqlx::Error::PoolTimedOut => "pool_timed_out",
        sqlx::Error::PoolClosed => "pool_closed",
        sqlx::Error::WorkerCrashed => "worker_crashed",
        _ => "_OTHER",
    })
}

#[cfg(all(test, feature = "sqlite"))]
mod tests {
    use super::*;

    #[test]
    fn what_the_pool_says_has_its_kind() {
        let kind = |error| failed::<sqlx::Sqlite>(error).kind();
        assert_eq!(kind(sqlx::Error::PoolTimedOut), StoreErrorKind::Timeout);
        assert_eq!(kind(sqlx::Error::PoolClosed), StoreErrorKind::Unreachable);
        assert_eq!(kind(std::io::Error::other("reset").into()), StoreErrorKind::Unreachable);
        assert_eq!(kind(sqlx::Error::RowNotFound), StoreErrorKind::Other);
    }
}
