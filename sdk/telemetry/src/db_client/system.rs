//! The database systems.

use super::sql::Dialect;

/// A database system, with its name in `db.system.name`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum System {
    /// Redis, and systems with its protocol.
    Redis,
    /// PostgreSQL.
    PostgreSql,
    /// MySQL.
    MySql,
    /// MariaDB.
    MariaDb,
    /// SQLite.
    Sqlite,
    /// MongoDB, and systems with its protocol.
    MongoDb,
    /// Another system, by its name in the conventions.
    Other(&'static str),
}

impl System {
    /// Returns the value of `db.system.name`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Redis => "redis",
            Self::PostgreSql => "postgresql",
            Self::MySql => "mysql",
            Self::MariaDb => "mariadb",
            Self::Sqlite => "sqlite",
            Self::MongoDb => "mongodb",
            Self::Other(name) => name,
        }
    }

    /// Returns the default port of its servers.
    #[must_use]
    pub const fn default_port(self) -> Option<u16> {
        match self {
            Self::Redis => Some(6379),
            Self::PostgreSql => Some(5432),
            Self::MySql | Self::MariaDb => Some(3306),
            Self::MongoDb => Some(27017),
            Self::Sqlite | Self::Other(_) => None,
        }
    }

    /// Returns the SQL dialect of the system, or `None` if it has no SQL.
    #[must_use]
    pub const fn dialect(self) -> Option<Dialect> {
        match self {
            Self::PostgreSql => Some(Dialect::PostgreSql),
            Self::MySql | Self::MariaDb => Some(Dialect::MySql),
            Self::Sqlite => Some(Dialect::Sqlite),
            Self::Redis | Self::MongoDb | Self::Other(_) => None,
        }
    }
}
