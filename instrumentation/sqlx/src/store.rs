//! The public store: [`SqlStore`].

use std::fmt;
use std::sync::Arc;

use cachescope_core::ConfigError;
use cachescope_core::shared::{Scope, StoreError, StoreErrorKind};
use sqlx::Pool;

use crate::database::{BatchDelete, StoreDatabase};
use crate::error::{NewerSchema, is_missing_table, store_error, telemetry_error};
use crate::instrumented::Instrumented;
use crate::pooled_connection::PooledConnection;
use crate::statement::{Param, Statement};
use crate::statements::{Statements, VERSION};
use crate::table::Table;

/// A shared store in a table of a database: see `Sqlite`, `Postgres` and `MySql`.
///
/// Several caches can share a table. [`create_table`](Self::create_table) creates it, or your own migration with the
/// statements of [`schema`](Self::schema).
///
/// - `get`, `put`, `remove` and `release` are one statement each. `lease` is one statement, and two in MySQL. sqlx
///   pings an idle connection first, unless the pool was created with `test_before_acquire(false)`.
/// - Expiry uses the database's clock, with millisecond precision.
/// - `clear` and `sweep` remove 1,000 rows at a time. If the future is dropped, some of the batches are removed.
/// - `size` counts up to 200,000 rows in an index, and returns no size for larger scopes. A row with only a lease isn't
///   an entry.
///
/// A dropped operation may or may not have taken effect. Its connection returns to the pool when the server has
/// finished the statement. A MySQL connection is closed instead, because it can't be reused. So each operation that is
/// dropped by a time limit costs a connection there.
pub struct SqlStore<DB: StoreDatabase> {
    pub(crate) pool: Pool<DB>,
    instrumented: Option<Instrumented<DB>>,
    table: Table,
    pub(crate) statements: Arc<Statements>,
}

impl<DB: StoreDatabase> SqlStore<DB> {
    /// Creates a store in the table `cachescope` of the pool's database.
    #[must_use]
    pub fn new(pool: Pool<DB>) -> Self {
        Self::with_table(pool, None, Table::default())
    }

    /// Creates a store on a pool with telemetry, which records the store's waits for connections and its statements.
    /// The texts of the store's statements aren't recorded.
    #[must_use]
    pub fn instrumented(db: Instrumented<DB>) -> Self {
        Self::with_table(db.pool().clone(), Some(db), Table::default())
    }

    fn with_table(pool: Pool<DB>, instrumented: Option<Instrumented<DB>>, table: Table) -> Self {
        let statements = Arc::new(Statements::new::<DB>(&table));
        Self { pool, instrumented, table, statements }
    }

    /// Sets the name of the table: `name`, or `schema.name` for a table in another schema (in MySQL, another database).
    /// Default: `cachescope`.
    ///
    /// # Errors
    /// If a part of the name isn't 1 to 48 letters, digits and underscores without a leading digit.
    pub fn table(self, name: &str) -> Result<Self, ConfigError> {
        Ok(Self::with_table(self.pool, self.instrumented, Table::new(name)?))
    }

    /// Creates the table, its index, and a table for the schema version, unless they exist. Several processes may call
    /// it at the same time.
    ///
    /// If the tables exist, this is one query, and needs no permission to create tables.
    ///
    /// # Errors
    /// If the database is unreachable or refuses, or the table has a newer schema version.
    pub async fn create_table(&self) -> Result<(), StoreError> {
        let mut connection = self.connection().await?;
        let schema_version = DB::fetch(connection.start_statement(), &self.statements.schema_version, &[]);
        let schema_version = self.record(&self.statements.schema_version, schema_version).await;
        connection.end_statement();
        let schema_version = match schema_version {
            Ok(rows) => rows.first().map(|row| DB::number(row, 0)).transpose().map_err(store_error::<DB>)?.flatten(),
            Err(error) if is_missing_table::<DB>(&error) => None,
            Err(error) => return Err(store_error::<DB>(error)),
        };
        match schema_version {
            Some(VERSION) => Ok(()),
            Some(version) if version > VERSION => Err(StoreError::new(StoreErrorKind::Other, NewerSchema { version })),
            // Each statement keeps existing tables, and the version is inserted last.
            _ => {
                let create = format!("{}{}", DB::LOCK, self.statements.create);
                let created = DB::run(connection.start_statement(), create).await.map_err(store_error::<DB>);
                connection.end_statement();
                created
            }
        }
    }

    /// Returns the statements that [`create_table`](Self::create_table) runs, for your own migration.
    #[must_use]
    pub fn schema(&self) -> &str {
        &self.statements.create
    }

    /// Returns the topic of a scope's invalidations.
    pub(crate) fn topic(&self, scope: &Scope) -> String {
        format!("{} {}", self.statements.table, scope.as_str())
    }

    /// Returns the removal of a batch of a scope's rows.
    pub(crate) fn batch_delete<'a>(&'a self, statement: &'a Statement, scope: &'a Scope) -> BatchDelete<'a> {
        BatchDelete { statement, table: &self.statements.table, scope: scope.as_str() }
    }

    pub(crate) async fn connection(&self) -> Result<PooledConnection<DB>, StoreError> {
        let connection = match &self.instrumented {
            Some(db) => db.acquire().await,
            None => self.pool.acquire().await.map(|connection| PooledConnection::new(connection, None)),
        };
        connection.map_err(store_error::<DB>)
    }

    pub(crate) async fn execute(
        &self,
        connection: &mut PooledConnection<DB>,
        statement: &Statement,
        params: &[Param<'_>],
    ) -> Result<u64, StoreError> {
        let result = self.record(statement, DB::execute(connection.start_statement(), statement, params)).await;
        connection.end_statement();
        result.map_err(store_error::<DB>)
    }

    pub(crate) async fn fetch(
        &self,
        connection: &mut PooledConnection<DB>,
        statement: &Statement,
        params: &[Param<'_>],
    ) -> Result<Vec<DB::Row>, StoreError> {
        let result = self.record(statement, DB::fetch(connection.start_statement(), statement, params)).await;
        connection.end_statement();
        result.map_err(store_error::<DB>)
    }

    /// Runs a statement, and records it.
    pub(crate) async fn record<T>(
        &self,
        statement: &Statement,
        work: impl Future<Output = Result<T, sqlx::Error>> + Send,
    ) -> Result<T, sqlx::Error> {
        let Some(db) = &self.instrumented else { return work.await };
        let running = db.client().operation(statement.name).collection(Arc::clone(self.table.name())).start();
        let result = work.await;
        running.end(result.as_ref().map(drop).map_err(telemetry_error::<DB>));
        result
    }
}

impl<DB: StoreDatabase> Clone for SqlStore<DB> {
    fn clone(&self) -> Self {
        Self {
            pool: self.pool.clone(),
            instrumented: self.instrumented.clone(),
            table: self.table.clone(),
            statements: Arc::clone(&self.statements),
        }
    }
}

/// Leaves out the pool's options, which may contain a password.
impl<DB: StoreDatabase> fmt::Debug for SqlStore<DB> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let table = self.table.quoted(DB::QUOTE);
        f.debug_struct("SqlStore").field("kind", &DB::KIND).field("table", &table).finish_non_exhaustive()
    }
}
