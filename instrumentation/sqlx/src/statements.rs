//! The SQL statements of a store for one database.
//!
//! A row is an entry, a lease, or both. Times are milliseconds since 1970 by the database's clock. A row without an
//! entry (`size` is NULL) expires with its lease. So `expires_at` alone finds all expired rows, and one index serves
//! sweeping and counting. Releasing, removing or overwriting an entry clears the token of its lease, so a statement
//! with that token finds no row.

use crate::database::StoreDatabase;
use crate::statement::Statement;
use crate::table::Table;

/// The schema version of the tables.
pub(crate) const VERSION: i64 = 1;

/// The most rows that one statement removes, so that no statement holds locks for long.
pub(crate) const BATCH: u64 = 1_000;

/// The most rows that are counted.
pub(crate) const COUNT_LIMIT: i64 = 200_000;

const GET: &str = "SELECT value FROM {table} WHERE scope = $1 AND name = $2 AND {unexpired}";

const PUT: &str = "INSERT INTO {table} (scope, name, value, size, expires_at) VALUES ($1, $2, $3, $4, {now} + $5) \
    {on_conflict_update} value = {proposed}(value), size = {proposed}(size), \
    expires_at = {proposed}(expires_at), lease_token = NULL, lease_until = NULL";

const PUT_LEASED: &str = "UPDATE {table} SET value = $3, size = $4, expires_at = {now} + $5, lease_token = NULL, \
    lease_until = NULL WHERE scope = $1 AND name = $2 AND lease_token = $6 AND lease_until > {now}";

const REMOVE: &str = "DELETE FROM {table} WHERE scope = $1 AND name = $2";

const RELEASE: &str = "UPDATE {table} SET lease_token = NULL, lease_until = NULL, \
    expires_at = CASE WHEN size IS NULL THEN {now} ELSE expires_at END \
    WHERE scope = $1 AND name = $2 AND lease_token = $3";

const COUNT: &str = "SELECT COUNT(*), COUNT(size), CAST(COALESCE(SUM(size), 0) AS {integer}) \
    FROM (SELECT size FROM {table} WHERE scope = $1 LIMIT $2) AS counted";

const SCHEMA_VERSION: &str = "SELECT CAST(MAX(version) AS {integer}) FROM {schema}";

/// The condition of a row with an unexpired entry.
const UNEXPIRED: &str = "size IS NOT NULL AND (expires_at IS NULL OR expires_at > {now})";

/// The condition of a row whose entry and lease have expired.
pub(crate) const EXPIRED: &str = "expires_at <= {now} AND (lease_until IS NULL OR lease_until <= {now})";

/// All statements for one table. The comments list their parameters.
#[derive(Debug)]
pub(crate) struct Statements {
    /// Scope, name.
    pub(crate) get: Statement,
    /// Scope, name, bytes, size, TTL.
    pub(crate) put: Statement,
    /// Scope, name, bytes, size, TTL, token.
    pub(crate) put_leased: Statement,
    /// Scope, name.
    pub(crate) remove: Statement,
    /// Scope. Removes a batch, or returns the names of a batch.
    pub(crate) clear: Statement,
    /// Scope, name, token, term.
    pub(crate) lease: Statement,
    /// Scope, name, token. Reads the value if the token holds the lease, for databases whose `lease` doesn't return the
    /// value.
    pub(crate) read_leased: Option<Statement>,
    /// Scope, name, token.
    pub(crate) release: Statement,
    /// Scope, limit.
    pub(crate) count: Statement,
    /// Scope. Removes a batch and returns the sizes, or returns the sizes and names of a batch.
    pub(crate) sweep: Statement,
    /// No parameters.
    pub(crate) schema_version: Statement,
    /// The statements that create the tables.
    pub(crate) create: String,
    /// The quoted name of the table.
    pub(crate) table: String,
}

impl Statements {
    pub(crate) fn new<DB: StoreDatabase>(table: &Table) -> Self {
        let statement =
            |name, template: &str| Statement::new(name, &fill_template::<DB>(template, table), DB::NUMBERED_PARAMS);
        Self {
            get: statement("SELECT", GET),
            put: statement("INSERT", PUT),
            put_leased: statement("UPDATE", PUT_LEASED),
            remove: statement("DELETE", REMOVE),
            clear: statement("DELETE", DB::CLEAR),
            lease: statement("INSERT", DB::LEASE),
            read_leased: DB::READ_LEASED.map(|read_leased| statement("SELECT", read_leased)),
            release: statement("UPDATE", RELEASE),
            count: statement("SELECT", COUNT),
            sweep: statement("DELETE", DB::SWEEP),
            schema_version: statement("SELECT", SCHEMA_VERSION),
            create: fill_template::<DB>(DB::CREATE, table),
            table: table.quoted(DB::QUOTE),
        }
    }
}

/// Fills a template with the SQL of a database. Text that is filled in first may contain further placeholders.
pub(crate) fn fill_template<DB: StoreDatabase>(template: &str, table: &Table) -> String {
    let mut text = template
        .replace("{unexpired}", UNEXPIRED)
        .replace("{expired}", EXPIRED)
        .replace("{on_conflict_update}", DB::ON_CONFLICT_UPDATE);
    for column in ["value", "size", "expires_at", "lease_token", "lease_until"] {
        text = text.replace(&format!("{{proposed}}({column})"), &DB::PROPOSED_VALUE.replace("{}", column));
    }
    text.replace("{now}", DB::NOW)
        .replace("{integer}", DB::INTEGER)
        .replace("{batch}", &BATCH.to_string())
        .replace("{version}", &VERSION.to_string())
        .replace("{index}", &table.index("over"))
        .replace("{schema}", &table.with_suffix("schema").quoted(DB::QUOTE))
        .replace("{table}", &table.quoted(DB::QUOTE))
}

/// Whether more rows may follow after a batch of `rows` rows.
pub(crate) const fn may_be_more(rows: u64) -> bool {
    rows >= BATCH
}
