//! What MySQL and MariaDB say.

use cachescope_core::client::{Client, System};
use cachescope_core::shared::StoreErrorKind;
use sqlx::error::DatabaseError;
use sqlx::mysql::{MySqlArguments, MySqlConnection, MySqlDatabaseError, MySqlRow};
use sqlx::{AssertSqlSafe, MySql, Pool, Row};

use crate::dialect::{Dialect, Spoken, Swept, Verdict};
use crate::statement::{Param, Statement};
use crate::statements::{OVER, Statements};

impl Dialect for MySql {}

impl Spoken for MySql {
    const KIND: &'static str = "mysql";
    const SYSTEM: System = System::MySql;
    const QUOTE: char = '`';
    const NUMBERED: bool = false;
    /// sqlx's forgets what it has read of a packet, or waits for the answer to what it hasn't sent; for ever.
    const RESUMES: bool = false;
    /// UTC: in the session's time zone an hour of autumn comes twice.
    const NOW: &'static str = "(TIMESTAMPDIFF(MICROSECOND, '1970-01-01 00:00:00', UTC_TIMESTAMP(3)) DIV 1000)";
    const INTEGER: &'static str = "SIGNED";
    const OR_UPDATE: &'static str = "ON DUPLICATE KEY UPDATE";
    /// Deprecated in MySQL, but its successor isn't in MariaDB.
    const NEW: &'static str = "VALUES({})";
    /// Assignments see what those before them assigned, in most SQL modes. So the token comes first, and once it is
    /// ours the condition stays true.
    const LEASE: &'static str = "INSERT INTO {table} (scope, name, expires_at, lease_token, lease_until) \
        VALUES ($1, $2, {now} + $4, $3, {now} + $4) {or_update} \
        lease_token = IF(lease_token IS NULL OR lease_until <= {now} OR lease_token = {new}(lease_token), \
            {new}(lease_token), lease_token), \
        lease_until = IF(lease_token IS NULL OR lease_until <= {now} OR lease_token = {new}(lease_token), \
            {new}(lease_until), lease_until), \
        expires_at = IF(size IS NULL AND lease_token = {new}(lease_token), {new}(expires_at), expires_at)";
    /// Neither has MySQL an INSERT that returns, nor do the affected rows tell whether we got it. Should the lease end
    /// between the two statements, somebody has stored or dropped the entry, and it counts as held.
    const LOOK: Option<&'static str> =
        Some("SELECT IF({live}, value, NULL) FROM {table} WHERE scope = $1 AND name = $2 AND lease_token = $3");
    const CLEAR: &'static str =
        "SELECT name FROM {table} FORCE INDEX (PRIMARY) WHERE scope = $1 ORDER BY name LIMIT {batch}";
    const SWEEP: &'static str = "SELECT size, name FROM {table} WHERE scope = $1 AND {over} LIMIT {batch}";
    /// Compared byte by byte: text isn't, in the usual collations.
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

    async fn execute(
        connection: &mut MySqlConnection,
        statement: &Statement,
        params: &[Param<'_>],
    ) -> Result<u64, sqlx::Error> {
        Ok(query(statement, params).execute(connection).await?.rows_affected())
    }

    async fn fetch(
        connection: &mut MySqlConnection,
        statement: &Statement,
        params: &[Param<'_>],
    ) -> Result<Vec<MySqlRow>, sqlx::Error> {
        query(statement, params).fetch_all(connection).await
    }

    async fn run(connection: &mut MySqlConnection, sql: String) -> Result<(), sqlx::Error> {
        sqlx::raw_sql(AssertSqlSafe(sql)).execute(connection).await.map(drop)
    }

    fn bytes(row: &MySqlRow, column: usize) -> Result<Option<Vec<u8>>, sqlx::Error> {
        row.try_get(column)
    }

    fn number(row: &MySqlRow, column: usize) -> Result<Option<i64>, sqlx::Error> {
        row.try_get(column)
    }

    fn verdict(error: &dyn DatabaseError) -> Verdict {
        let number = error.try_downcast_ref::<MySqlDatabaseError>().map_or(0, MySqlDatabaseError::number);
        Verdict::Is(match number {
            // No such table.
            1146 => return Verdict::NoTable,
            // A lock's time limit, and a statement's in MySQL and in MariaDB.
            1205 | 3024 | 1969 => StoreErrorKind::Timeout,
            // Disk, sort memory, memory, connections of the server and of a user, table, packet.
            1021 | 1037 | 1038 | 1040 | 1041 | 1114 | 1153 | 1203 | 1226 => StoreErrorKind::Full,
            // Credentials, privileges, and servers, transactions and InnoDB that only read.
            1044 | 1045 | 1142 | 1143 | 1227 | 1290 | 1370 | 1410 | 1698 | 1792 | 1836 | 1874 | 4031 => {
                StoreErrorKind::Refused
            }
            // Shutdown, killed connections, packets that can't be read or written.
            1053 | 1077 | 1079 | 1080 | 1152 | 1158..=1161 | 1184 | 1927 => StoreErrorKind::Unreachable,
            _ => StoreErrorKind::Other,
        })
    }

    /// Its number: the SQLSTATE tells less.
    fn code(error: &dyn DatabaseError) -> Option<String> {
        error.try_downcast_ref::<MySqlDatabaseError>().map(|error| error.number().to_string())
    }

    fn client(pool: &Pool<Self>) -> Client {
        let options = pool.connect_options();
        let client = match options.get_socket() {
            Some(socket) => Client::new(Self::SYSTEM).server(socket.to_string_lossy(), None),
            None => Client::new(Self::SYSTEM).server(options.get_host(), options.get_port()),
        };
        match options.get_database() {
            Some(database) => client.namespace(database),
            None => client,
        }
    }

    /// In two steps. A DELETE that went through the index would lock that first and then the rows, while whoever stores
    /// does it the other way round: InnoDB would make one of them fail. So names are looked for without locks, and
    /// dropped through the primary key.
    async fn clear(connection: &mut MySqlConnection, statements: &Statements, scope: &str) -> Result<u64, sqlx::Error> {
        let there = Self::fetch(connection, &statements.clear, &[Param::Text(scope)]).await?;
        let mut names = Vec::with_capacity(there.len());
        for row in &there {
            names.extend(Self::bytes(row, 0)?);
        }
        drop_named(connection, &statements.table, scope, &names, "").await?;
        Ok(there.len() as u64)
    }

    /// In two steps as well: what isn't over any more by the second stays.
    async fn sweep(
        connection: &mut MySqlConnection,
        statements: &Statements,
        scope: &str,
    ) -> Result<Swept, sqlx::Error> {
        let over = Self::fetch(connection, &statements.sweep, &[Param::Text(scope)]).await?;
        let (mut entries, mut leases) = (Vec::new(), Vec::new());
        for row in &over {
            let of = if Self::number(row, 0)?.is_some() { &mut entries } else { &mut leases };
            of.extend(Self::bytes(row, 1)?);
        }
        let is_over = OVER.replace("{now}", Self::NOW);
        let swept = format!("AND size IS NOT NULL AND {is_over}");
        let swept = drop_named(connection, &statements.table, scope, &entries, &swept).await?;
        let left = format!("AND size IS NULL AND {is_over}");
        drop_named(connection, &statements.table, scope, &leases, &left).await?;
        Ok(Swept { rows: over.len() as u64, entries: swept })
    }
}

/// Drops those of `names` of which `further` is true, in the order of the primary key. Only a DELETE of the kind that
/// is for several tables can be told which index to go through.
async fn drop_named(
    connection: &mut MySqlConnection,
    table: &str,
    scope: &str,
    names: &[Vec<u8>],
    further: &str,
) -> Result<u64, sqlx::Error> {
    if names.is_empty() {
        return Ok(0);
    }
    let sql = format!(
        "DELETE gone FROM {table} AS gone FORCE INDEX (PRIMARY) WHERE scope = ? AND name IN (?{}) {further}",
        ", ?".repeat(names.len() - 1),
    );
    let query = sqlx::query::<MySql>(AssertSqlSafe(sql)).persistent(false).bind(scope.as_bytes());
    let query = names.iter().fold(query, |query, name| query.bind(name.as_slice()));
    Ok(query.execute(connection).await?.rows_affected())
}

/// Text as bytes: as text it would be converted to the column's kind in each comparison.
fn query<'a>(statement: &Statement, params: &[Param<'a>]) -> sqlx::query::Query<'a, MySql, MySqlArguments> {
    statement.ordered(params).fold(sqlx::query(statement.sql()), |query, param| match param {
        Param::Text(text) => query.bind(text.as_bytes()),
        Param::Bytes(bytes) => query.bind(bytes),
        Param::Number(number) => query.bind(number),
    })
}
