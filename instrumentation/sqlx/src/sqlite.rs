//! What SQLite says.

use cachescope_core::client::{Client, System};
use cachescope_core::shared::StoreErrorKind;
use sqlx::error::DatabaseError;
use sqlx::sqlite::{SqliteArguments, SqliteConnection, SqliteRow};
use sqlx::{AssertSqlSafe, Pool, Row, Sqlite};

use crate::dialect::{Dialect, Spoken, Verdict, on_conflict};
use crate::statement::{Param, Statement};

impl Dialect for Sqlite {}

impl Spoken for Sqlite {
    const KIND: &'static str = "sqlite";
    const SYSTEM: System = System::Sqlite;
    const QUOTE: char = '"';
    const NUMBERED: bool = true;
    /// The same throughout a statement.
    const NOW: &'static str = "CAST(ROUND(unixepoch('subsec') * 1000.0) AS INTEGER)";
    const INTEGER: &'static str = "INTEGER";
    const OR_UPDATE: &'static str = on_conflict::OR_UPDATE;
    const NEW: &'static str = on_conflict::NEW;
    const LEASE: &'static str = on_conflict::LEASE;
    const LOOK: Option<&'static str> = None;
    const CLEAR: &'static str =
        "DELETE FROM {table} WHERE rowid IN (SELECT rowid FROM {table} WHERE scope = $1 LIMIT {batch})";
    const SWEEP: &'static str = "DELETE FROM {table} \
        WHERE rowid IN (SELECT rowid FROM {table} WHERE scope = $1 AND {over} LIMIT {batch}) RETURNING size";
    /// The value is the last column: SQLite reads a row from its beginning.
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

    async fn execute(
        connection: &mut SqliteConnection,
        statement: &Statement,
        params: &[Param<'_>],
    ) -> Result<u64, sqlx::Error> {
        Ok(query(statement, params).execute(connection).await?.rows_affected())
    }

    async fn fetch(
        connection: &mut SqliteConnection,
        statement: &Statement,
        params: &[Param<'_>],
    ) -> Result<Vec<SqliteRow>, sqlx::Error> {
        query(statement, params).fetch_all(connection).await
    }

    async fn run(connection: &mut SqliteConnection, sql: String) -> Result<(), sqlx::Error> {
        sqlx::raw_sql(AssertSqlSafe(sql)).execute(connection).await.map(drop)
    }

    fn bytes(row: &SqliteRow, column: usize) -> Result<Option<Vec<u8>>, sqlx::Error> {
        row.try_get(column)
    }

    fn number(row: &SqliteRow, column: usize) -> Result<Option<i64>, sqlx::Error> {
        row.try_get(column)
    }

    fn verdict(error: &dyn DatabaseError) -> Verdict {
        let code = error.code().and_then(|code| code.parse::<u32>().ok()).unwrap_or_default();
        // The lowest byte is the result code, the rest tells it more closely.
        Verdict::Is(match code & 0xff {
            // SQLITE_ERROR, and SQLITE_SCHEMA where another connection changes tables meanwhile: a statement that can't be
            // prepared, for whatever reason.
            1 | 17 if error.message().starts_with("no such table") => return Verdict::NoTable,
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

    /// There is no server, and the file's path is nobody's business.
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
