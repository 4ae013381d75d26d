//! SQL queries in telemetry: their text without literals, their operation and their summary.

mod sanitised;
mod summary;
mod tokens;

use self::tokens::Tokens;

/// A dialect of SQL. The same quotes may mark a literal in one dialect and a name in another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Dialect {
    /// PostgreSQL, with `standard_conforming_strings` on, which is the default.
    PostgreSql,
    /// MySQL and MariaDB, without `NO_BACKSLASH_ESCAPES`, which is off by default.
    MySql,
    /// SQLite.
    Sqlite,
}

impl Dialect {
    /// Returns the query without its literals. Each string, number and truth value becomes `?`, and an `IN` list of
    /// them becomes one `?`. Comments and extra spaces are removed. Names and parameters stay.
    ///
    /// A token that the database might read as a string counts as a literal. SQLite reads `"so"` as a string if no
    /// column has this name. So such a token stays only beside a dot, and where tables and aliases are named. If the
    /// text isn't SQL, or is of another dialect, literals may be left. Takes linear time and two allocations.
    ///
    /// ```
    /// use cachescope_telemetry::db_client::Dialect;
    ///
    /// let sql = "SELECT name FROM users -- of a team\n WHERE team = 'it''s us' AND id IN (1, 2, 3)";
    /// assert_eq!(Dialect::PostgreSql.sanitised(sql), "SELECT name FROM users WHERE team = ? AND id IN (?)");
    /// ```
    #[must_use]
    #[doc(alias = "sanitized")]
    #[doc(alias = "obfuscate")]
    pub fn sanitised(self, sql: &str) -> String {
        sanitised::sanitised(&Tokens::new(self, sql).collect::<Vec<_>>())
    }

    /// Returns the query's operation in capitals, or `None` if it isn't a known operation. For `WITH … SELECT` that is
    /// `SELECT`; for several statements it is that of the first. Reads no further than necessary, and doesn't allocate.
    ///
    /// ```
    /// use cachescope_telemetry::db_client::Dialect;
    ///
    /// assert_eq!(Dialect::Sqlite.operation("insert into users values (?)"), Some("INSERT"));
    /// assert_eq!(Dialect::Sqlite.operation("frobnicate users"), None);
    /// ```
    #[must_use]
    pub fn operation(self, sql: &str) -> Option<&'static str> {
        summary::operation(Tokens::new(self, sql))
    }

    /// Returns a summary of the query for [`Operation::query_summary`](super::Operation::query_summary): its operations
    /// and their tables in the order of the query, up to 255 bytes. Returns `None` if there is no known operation.
    ///
    /// ```
    /// use cachescope_telemetry::db_client::Dialect;
    ///
    /// let sql = "INSERT INTO orders SELECT * FROM baskets b JOIN users u ON u.id = b.user_id WHERE b.id = 7";
    /// assert_eq!(Dialect::MySql.summary(sql).as_deref(), Some("INSERT orders SELECT baskets users"));
    /// ```
    #[must_use]
    pub fn summary(self, sql: &str) -> Option<String> {
        summary::summary(&Tokens::new(self, sql).collect::<Vec<_>>())
    }
}
