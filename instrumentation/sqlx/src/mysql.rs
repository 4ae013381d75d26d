//! The SQL and errors of MySQL and MariaDB.

use cachescope_core::shared::StoreErrorKind;
use cachescope_telemetry::db_client::System;
use sqlx::error::DatabaseError;
use sqlx::mysql::{MySqlArguments, MySqlConnection, MySqlDatabaseError, MySqlRow};
use sqlx::{AssertSqlSafe, MySql};

use crate::database::{BatchDelete, ErrorClass, SqlDialect, StoreDatabase, SweptBatch};
use crate::statement::{Param, Statement};
use crate::statement_methods::{server_client_method, statement_methods};
use crate::statements::EXPIRED;

impl StoreDatabase for MySql {}

impl SqlDialect for MySql {
    const KIND: &'static str = "mysql";
    const SYSTEM: System = System::MySql;
    const QUOTE: char = '`';
    const NUMBERED_PARAMS: bool = false;
    /// After a dropped future, sqlx's connection has lost a part of a packet, or waits forever for the reply to a
    /// statement that it never sent.
    const REUSABLE_AFTER_CANCEL: bool = false;
    /// In UTC, because an hour repeats in a time zone with daylight saving time.
    const NOW: &'static str = "(TIMESTAMPDIFF(MICROSECOND, '1970-01-01 00:00:00', UTC_TIMESTAMP(3)) DIV 1000)";
    const INTEGER: &'static str = "SIGNED";
    const ON_CONFLICT_UPDATE: &'static str = "ON DUPLICATE KEY UPDATE";
    /// Deprecated in MySQL, but MariaDB doesn't support its successor.
    const PROPOSED_VALUE: &'static str = "VALUES({})";
    /// In most SQL modes, an assignment sees the values of earlier assignments. So the token comes first. Once the
    /// token is assigned, the condition stays true.
    const LEASE: &'static str = "INSERT INTO {table} (scope, name, expires_at, lease_token, lease_until) \
        VALUES ($1, $2, {now} + $4, $3, {now} + $4) {on_conflict_update} \
        lease_token = IF(lease_token IS NULL OR lease_until <= {now} OR lease_token = {proposed}(lease_token), \
            {proposed}(lease_token), lease_token), \
        lease_until = IF(lease_token IS NULL OR lease_until <= {now} OR lease_token = {proposed}(lease_token), \
            {proposed}(lease_until), lease_until), \
        expires_at = IF(size IS NULL AND lease_token = {proposed}(lease_token), {proposed}(expires_at), expires_at)";
    /// MySQL's INSERT returns no values, and the number of affected rows doesn't show whether the lease was granted. If
    /// the lease ends between the two statements, another process has stored or removed the entry, and the lease counts
    /// as held.
    const READ_LEASED: Option<&'static str> =
        Some("SELECT IF({unexpired}, value, NULL) FROM {table} WHERE scope = $1 AND name = $2 AND lease_token = $3");
    const CLEAR: &'static str =
        "SELECT name FROM {table} FORCE INDEX (PRIMARY) WHERE scope = $1 ORDER BY name LIMIT {batch}";
    const SWEEP: &'static str = "SELECT size, name FROM {table} WHERE scope = $1 AND {expired} LIMIT {batch}";
    /// Binary columns are compared byte by byte. Text isn't, in the usual collations.
    const CREATE: &'static str = "\
CREATE TABLE IF NOT EXISTS {table} (
    scope VARBINARY(180) NOT NULL,
    name VARBINARY(288) NOT NULL,
    size BIGINT,
    expires_at BIGINT,
    lease_token BIGINT,
    lease_until BIGINT,
    value LONGBLOB,
    PRIMARY KEY (scope, name),
    INDEX `{index}` (scope, expires_at, size)
) ENGINE = InnoDB;
CREATE TABLE IF NOT EXISTS {schema} (version BIGINT NOT NULL PRIMARY KEY) ENGINE = InnoDB;
INSERT IGNORE INTO {schema} (version) VALUES ({version});
";

    statement_methods!(MySqlConnection, MySqlRow);

    fn classify(error: &dyn DatabaseError) -> ErrorClass {
        let number = error.try_downcast_ref::<MySqlDatabaseError>().map_or(0, MySqlDatabaseError::number);
        ErrorClass::Kind(match number {
            // No such table.
            1146 => return ErrorClass::MissingTable,
            // The time limit of a lock, and of a statement in MySQL and in MariaDB.
            1205 | 3024 | 1969 => StoreErrorKind::Timeout,
            // Disk, sort memory, memory, connections of the server and of a user, table, packet.
            1021 | 1037 | 1038 | 1040 | 1041 | 1114 | 1153 | 1203 | 1226 => StoreErrorKind::Full,
            // Credentials, privileges, and read-only servers, transactions and InnoDB.
            1044 | 1045 | 1142 | 1143 | 1227 | 1290 | 1370 | 1410 | 1698 | 1792 | 1836 | 1874 | 4031 => {
                StoreErrorKind::Refused
            }
            // Shutdown, killed connections, packets that can't be read or written.
            1053 | 1077 | 1079 | 1080 | 1152 | 1158..=1161 | 1184 | 1927 => StoreErrorKind::Unreachable,
            _ => StoreErrorKind::Other,
        })
    }

    /// Returns the error number, which is more specific than the SQLSTATE.
    fn code(error: &dyn DatabaseError) -> Option<String> {
        error.try_downcast_ref::<MySqlDatabaseError>().map(|error| error.number().to_string())
    }

    server_client_method!();

    /// Removes a batch in two steps. A DELETE through the index would lock the index first and then the rows. A put
    /// locks in the other order, so InnoDB would let one of them fail. So names are found without locks, and rows are
    /// removed through the primary key.
    async fn clear(connection: &mut MySqlConnection, delete: BatchDelete<'_>) -> Result<u64, sqlx::Error> {
        let found = Self::fetch(connection, delete.statement, &[Param::Text(delete.scope)]).await?;
        let mut names = Vec::with_capacity(found.len());
        for row in &found {
            names.extend(Self::bytes(row, 0)?);
        }
        delete_by_name(connection, delete, &names, "").await?;
        Ok(found.len() as u64)
    }

    /// Also in two steps. A row that is no longer expired in the second step stays.
    async fn sweep(connection: &mut MySqlConnection, delete: BatchDelete<'_>) -> Result<SweptBatch, sqlx::Error> {
        let expired = Self::fetch(connection, delete.statement, &[Param::Text(delete.scope)]).await?;
        let (mut entries, mut leases) = (Vec::new(), Vec::new());
        for row in &expired {
            let names = if Self::number(row, 0)?.is_some() { &mut entries } else { &mut leases };
            names.extend(Self::bytes(row, 1)?);
        }
        let is_expired = EXPIRED.replace("{now}", Self::NOW);
        let entry = format!("AND size IS NOT NULL AND {is_expired}");
        let swept = delete_by_name(connection, delete, &entries, &entry).await?;
        let lease = format!("AND size IS NULL AND {is_expired}");
        delete_by_name(connection, delete, &leases, &lease).await?;
        Ok(SweptBatch { rows: expired.len() as u64, entries: swept })
    }
}

/// Removes the rows of `names` that match `condition`, in the order of the primary key. Only the multi-table form of
/// DELETE accepts an index hint.
async fn delete_by_name(
    connection: &mut MySqlConnection,
    delete: BatchDelete<'_>,
    names: &[Vec<u8>],
    condition: &str,
) -> Result<u64, sqlx::Error> {
    if names.is_empty() {
        return Ok(0);
    }
    let sql = format!(
        "DELETE gone FROM {} AS gone FORCE INDEX (PRIMARY) WHERE scope = ? AND name IN (?{}) {condition}",
        delete.table,
        ", ?".repeat(names.len() - 1),
    );
    let query = sqlx::query::<MySql>(AssertSqlSafe(sql)).persistent(false).bind(delete.scope.as_bytes());
    let query = names.iter().fold(query, |query, name| query.bind(name.as_slice()));
    Ok(query.execute(connection).await?.rows_affected())
}

/// Binds text as bytes. Bound as text, it would be converted in each comparison with a binary column.
fn query<'a>(statement: &Statement, params: &[Param<'a>]) -> sqlx::query::Query<'a, MySql, MySqlArguments> {
    statement.ordered(params).fold(sqlx::query(statement.sql()), |query, param| match param {
        Param::Text(text) => query.bind(text.as_bytes()),
        Param::Bytes(bytes) => query.bind(bytes),
        Param::Number(number) => query.bind(number),
    })
}
