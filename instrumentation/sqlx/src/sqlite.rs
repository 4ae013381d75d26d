//! The SQL and errors of SQLite.

use cachescope_core::shared::StoreErrorKind;
use cachescope_telemetry::db_client::{Client, System};
use sqlx::error::DatabaseError;
use sqlx::sqlite::{SqliteArguments, SqliteConnection, SqliteRow};
use sqlx::{Pool, Sqlite};

use crate::database::{ErrorClass, SqlDialect, StoreDatabase};
use crate::on_conflict;
use crate::statement::{Param, Statement};
use crate::statement_methods::statement_methods;

impl StoreDatabase for Sqlite {}

impl SqlDialect for Sqlite {
    const KIND: &'static str = "sqlite";
    const SYSTEM: System = System::Sqlite;
    const QUOTE: char = '"';
    const NUMBERED_PARAMS: bool = true;
    /// Constant during a statement.
    const NOW: &'static str = "CAST(ROUND(unixepoch('subsec') * 1000.0) AS INTEGER)";
    const INTEGER: &'static str = "INTEGER";
    const ON_CONFLICT_UPDATE: &'static str = on_conflict::ON_CONFLICT_UPDATE;
    const PROPOSED_VALUE: &'static str = on_conflict::PROPOSED_VALUE;
    const LEASE: &'static str = on_conflict::LEASE;
    const READ_LEASED: Option<&'static str> = None;
    const CLEAR: &'static str =
        "DELETE FROM {table} WHERE rowid IN (SELECT rowid FROM {table} WHERE scope = $1 LIMIT {batch})";
    const SWEEP: &'static str = "DELETE FROM {table} \
        WHERE rowid IN (SELECT rowid FROM {table} WHERE scope = $1 AND {expired} LIMIT {batch}) RETURNING size";
    /// The value is the last column, because SQLite reads a row from its beginning.
    const CREATE: &'static str = "\
CREATE TABLE IF NOT EXISTS {table} (
    scope TEXT NOT NULL,
    name TEXT NOT NULL,
    size INTEGER,
    expires_at INTEGER,
    lease_token INTEGER,
    lease_until INTEGER,
    value BLOB,
    PRIMARY KEY (scope, name)
);
CREATE INDEX IF NOT EXISTS \"{index}\" ON {table} (scope, expires_at, size);
CREATE TABLE IF NOT EXISTS {schema} (version INTEGER NOT NULL PRIMARY KEY);
INSERT INTO {schema} (version) VALUES ({version}) ON CONFLICT DO NOTHING;
";

    statement_methods!(SqliteConnection, SqliteRow);

    fn classify(error: &dyn DatabaseError) -> ErrorClass {
        let code = error.code().and_then(|code| code.parse::<u32>().ok()).unwrap_or_default();
        // The lowest byte is the result code. The other bytes are details.
        ErrorClass::Kind(match code & 0xff {
            // SQLITE_ERROR, or SQLITE_SCHEMA if another connection changes tables meanwhile: the statement can't be
            // prepared, for any reason.
            1 | 17 if error.message().starts_with("no such table") => return ErrorClass::MissingTable,
            // SQLITE_BUSY and SQLITE_LOCKED.
            5 | 6 => StoreErrorKind::Timeout,
            // SQLITE_IOERR and SQLITE_CANTOPEN.
            10 | 14 => StoreErrorKind::Unreachable,
            // SQLITE_NOMEM, SQLITE_FULL and SQLITE_TOOBIG.
            7 | 13 | 18 => StoreErrorKind::Full,
            // SQLITE_PERM, SQLITE_READONLY and SQLITE_AUTH.
            3 | 8 | 23 => StoreErrorKind::Refused,
            _ => StoreErrorKind::Other,
        })
    }

    /// Returns a client without an address: there is no server, and the path of the file is private.
    fn client(_: &Pool<Self>) -> Client {
        Client::new(Self::SYSTEM)
    }
}

fn query<'a>(statement: &Statement, params: &[Param<'a>]) -> sqlx::query::Query<'a, Sqlite, SqliteArguments> {
    statement.ordered(params).fold(sqlx::query(statement.sql()), |query, param| match param {
        Param::Text(text) => query.bind(text),
        Param::Bytes(bytes) => query.bind(bytes),
        Param::Number(number) => query.bind(number),
    })
}
