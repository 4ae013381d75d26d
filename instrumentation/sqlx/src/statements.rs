//! The statements of a store, in the words of its database.
//!
//! A row is an entry, a lease, or both. Times are milliseconds since 1970 by the database's clock. A row without an
//! entry (`size` is NULL) expires with its lease; so whatever is over is found by `expires_at` alone, and one index
//! serves sweeping and counting. Released, removed or overwritten, a lease's token is gone from the row: a statement
//! that asks for it finds nothing to change.

use crate::dialect::Dialect;
use crate::statement::Statement;
use crate::table::Table;

/// The version of the tables, which grows when they change.
pub(crate) const VERSION: i64 = 1;

/// Rows that one statement drops at most, so that none holds locks for long.
pub(crate) const BATCH: u64 = 1_000;

/// Rows that are counted at most.
pub(crate) const COUNTED: i64 = 200_000;

const GET: &str = "SELECT value FROM {table} WHERE scope = $1 AND name = $2 AND {live}";

const PUT: &str = "INSERT INTO {table} (scope, name, value, size, expires_at) VALUES ($1, $2, $3, $4, {now} + $5) \
    {or_update} value = {new}(value), size = {new}(size), expires_at = {new}(expires_at), lease_token = NULL, \
    lease_until = NULL";

const PUT_LEASED: &str = "UPDATE {table} SET value = $3, size = $4, expires_at = {now} + $5, lease_token = NULL, \
    lease_until = NULL WHERE scope = $1 AND name = $2 AND lease_token = $6 AND lease_until > {now}";

const REMOVE: &str = "DELETE FROM {table} WHERE scope = $1 AND name = $2";

const RELEASE: &str = "UPDATE {table} SET lease_token = NULL, lease_until = NULL, \
    expires_at = CASE WHEN size IS NULL THEN {now} ELSE expires_at END \
    WHERE scope = $1 AND name = $2 AND lease_token = $3";

const COUNT: &str = "SELECT COUNT(*), COUNT(size), CAST(COALESCE(SUM(size), 0) AS {integer}) \
    FROM (SELECT size FROM {table} WHERE scope = $1 LIMIT $2) AS counted";

const RECORDED: &str = "SELECT CAST(MAX(version) AS {integer}) FROM {schema}";

/// A row that is an entry whose life isn't over.
const LIVE: &str = "size IS NOT NULL AND (expires_at IS NULL OR expires_at > {now})";

/// A row that nobody needs any more.
pub(crate) const OVER: &str = "expires_at <= {now} AND (lease_until IS NULL OR lease_until <= {now})";

/// All of them, for one table.
#[derive(Debug)]
pub struct Statements {
    /// Scope, name.
    pub(crate) get: Statement,
    /// Scope, name, bytes, size, life.
    pub(crate) put: Statement,
    /// Scope, name, bytes, size, life, token.
    pub(crate) put_leased: Statement,
    /// Scope, name.
    pub(crate) remove: Statement,
    /// Scope: drops, or returns the name of what is to be dropped.
    pub(crate) clear: Statement,
    /// Scope, name, token, term.
    pub(crate) lease: Statement,
    /// Scope, name, token: what is stored, of a row whose lease is the token's. For databases whose `lease` doesn't
    /// return that.
    pub(crate) look: Option<Statement>,
    /// Scope, name, token.
    pub(crate) release: Statement,
    /// Scope, limit.
    pub(crate) count: Statement,
    /// Scope: drops and returns the size of each, or returns size and name of what is to be dropped.
    pub(crate) sweep: Statement,
    /// Nothing.
    pub(crate) recorded: Statement,
    /// What makes the tables.
    pub(crate) create: String,
    /// The table as it is quoted.
    #[cfg(feature = "mysql")]
    pub(crate) table: String,
}

impl Statements {
    pub(crate) fn new<DB: Dialect>(table: &Table) -> Self {
        let statement = |name, template: &str| Statement::new(name, &filled::<DB>(template, table), DB::NUMBERED);
        Self {
            get: statement("SELECT", GET),
            put: statement("INSERT", PUT),
            put_leased: statement("UPDATE", PUT_LEASED),
            remove: statement("DELETE", REMOVE),
            clear: statement("DELETE", DB::CLEAR),
            lease: statement("INSERT", DB::LEASE),
            look: DB::LOOK.map(|look| statement("SELECT", look)),
            release: statement("UPDATE", RELEASE),
            count: statement("SELECT", COUNT),
            sweep: statement("DELETE", DB::SWEEP),
            recorded: statement("SELECT", RECORDED),
            create: filled::<DB>(DB::CREATE, table),
            #[cfg(feature = "mysql")]
            table: table.quoted(DB::QUOTE),
        }
    }
}

/// A template in the words of a database. What is filled in first may have gaps of its own.
pub(crate) fn filled<DB: Dialect>(template: &str, table: &Table) -> String {
    let mut text = template.replace("{live}", LIVE).replace("{over}", OVER).replace("{or_update}", DB::OR_UPDATE);
    for column in ["value", "size", "expires_at", "lease_token", "lease_until"] {
        text = text.replace(&format!("{{new}}({column})"), &DB::NEW.replace("{}", column));
    }
    text.replace("{now}", DB::NOW)
        .replace("{integer}", DB::INTEGER)
        .replace("{batch}", &BATCH.to_string())
        .replace("{version}", &VERSION.to_string())
        .replace("{index}", &table.index("over"))
        .replace("{schema}", &table.beside("schema").quoted(DB::QUOTE))
        .replace("{table}", &table.quoted(DB::QUOTE))
}
