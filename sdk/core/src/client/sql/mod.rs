//! What is told of a query in SQL.

mod sanitised;
mod summary;
mod tokens;

use self::tokens::Tokens;

/// How a database reads SQL: what is a literal in one is a name in another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Dialect {
    /// PostgreSQL's, with `standard_conforming_strings` on, as it is by default.
    PostgreSql,
    /// MySQL's and MariaDB's, without `NO_BACKSLASH_ESCAPES`, which is off by default.
    MySql,
    /// SQLite's.
    Sqlite,
}

impl Dialect {
    /// The query without its literals: each string, number and truth value is a `?`, an `IN` list of them is one `?`,
    /// comments and surplus spaces are gone. Names and parameters stay.
    ///
    /// What a database might take for a string counts as one: SQLite takes `"so"` for a string where no column is
    /// called so, hence it stays only where tables and aliases stand, and beside a dot. Of text that isn't SQL, or is
    /// of another dialect, more may be left than names. Takes a time that grows with the query's length, and two
    /// allocations.
    ///
    /// ```
    /// use cachescope_core::client::Dialect;
    ///
    /// let sql = "SELECT name FROM users -- of a team\n WHERE team = 'it''s us' AND id IN (1, 2, 3)";
    /// assert_eq!(Dialect::PostgreSql.sanitised(sql), "SELECT name FROM users WHERE team = ? AND id IN (?)");
    /// ```
    #[must_use]
    pub fn sanitised(self, sql: &str) -> String {
        sanitised::sanitised(&Tokens::of(self, sql).collect::<Vec<_>>())
    }

    /// The query's operation in capitals, if it is one of those there are: of `WITH … SELECT`, `SELECT`; of several
    /// statements, the first one's. Reads no further than it must, and doesn't allocate.
    ///
    /// ```
    /// use cachescope_core::client::Dialect;
    ///
    /// assert_eq!(Dialect::Sqlite.operation("insert into users values (?)"), Some("INSERT"));
    /// assert_eq!(Dialect::Sqlite.operation("frobnicate users"), None);
    /// ```
    #[must_use]
    pub fn operation(self, sql: &str) -> Option<&'static str> {
        summary::operation(Tokens::of(self, sql))
    }

    /// What the query does to what, for [`Operation::query_summary`](super::Operation::query_summary): its operations
    /// and their tables in the order they stand, up to 255 bytes. `None` if there is no operation that is known.
    ///
    /// ```
    /// use cachescope_core::client::Dialect;
    ///
    /// let sql = "INSERT INTO orders SELECT * FROM baskets b JOIN users u ON u.id = b.user_id WHERE b.id = 7";
    /// assert_eq!(Dialect::MySql.summary(sql).as_deref(), Some("INSERT orders SELECT baskets users"));
    /// ```
    #[must_use]
    pub fn summary(self, sql: &str) -> Option<String> {
        summary::summary(&Tokens::of(self, sql).collect::<Vec<_>>())
    }
}
