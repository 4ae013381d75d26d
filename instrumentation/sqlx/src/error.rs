//! Maps sqlx's errors to store errors and telemetry errors.

use std::error::Error;
use std::fmt;

use cachescope_core::shared::{StoreError, StoreErrorKind};
use cachescope_telemetry::db_client::OperationError;

use crate::database::{ErrorClass, StoreDatabase};

/// The table doesn't exist.
#[derive(Debug)]
struct MissingTable {
    source: sqlx::Error,
}

impl fmt::Display for MissingTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the table of the store doesn't exist: call create_table() once, or run the statements of schema()")
    }
}

impl Error for MissingTable {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&self.source)
    }
}

/// The table has a newer schema version.
#[derive(Debug)]
pub(crate) struct NewerSchema {
    pub(crate) version: i64,
}

impl fmt::Display for NewerSchema {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the table of the store has schema version {} of a newer cachescope: update cachescope", self.version)
    }
}

impl Error for NewerSchema {}

/// Converts an error of sqlx.
pub(crate) fn store_error<DB: StoreDatabase>(error: sqlx::Error) -> StoreError {
    let kind = match &error {
        sqlx::Error::PoolTimedOut => StoreErrorKind::Timeout,
        sqlx::Error::Io(_) | sqlx::Error::Tls(_) | sqlx::Error::PoolClosed | sqlx::Error::WorkerCrashed => {
            StoreErrorKind::Unreachable
        }
        sqlx::Error::Database(database_error) => match DB::classify(&**database_error) {
            ErrorClass::Kind(kind) => kind,
            ErrorClass::MissingTable => return StoreError::new(StoreErrorKind::Other, MissingTable { source: error }),
        },
        _ => StoreErrorKind::Other,
    };
    StoreError::new(kind, error)
}

/// Whether the error means that the table doesn't exist.
pub(crate) fn is_missing_table<DB: StoreDatabase>(error: &sqlx::Error) -> bool {
    error.as_database_error().is_some_and(|database_error| DB::classify(database_error) == ErrorClass::MissingTable)
}

/// Returns the telemetry error: the database's code, or the kind of sqlx's error. It never contains the message.
pub(crate) fn telemetry_error<DB: StoreDatabase>(error: &sqlx::Error) -> OperationError {
    OperationError::new(match error {
        sqlx::Error::Database(database_error) => {
            return match DB::code(&**database_error) {
                Some(code) => OperationError::new(code.clone()).status_code(code),
                None => OperationError::new("database"),
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
    fn pool_errors_map_to_store_error_kinds() {
        let kind = |error| store_error::<sqlx::Sqlite>(error).kind();
        assert_eq!(kind(sqlx::Error::PoolTimedOut), StoreErrorKind::Timeout);
        assert_eq!(kind(sqlx::Error::PoolClosed), StoreErrorKind::Unreachable);
        assert_eq!(kind(std::io::Error::other("reset").into()), StoreErrorKind::Unreachable);
        assert_eq!(kind(sqlx::Error::RowNotFound), StoreErrorKind::Other);
    }
}
