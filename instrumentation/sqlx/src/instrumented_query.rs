//! An operation with telemetry.

use std::fmt;

use cachescope_telemetry::db_client::Operation;
use opentelemetry::StringValue;

use crate::database::StoreDatabase;
use crate::error::telemetry_error;
use crate::instrumented::Instrumented;

/// An operation of an [`Instrumented`] pool. Running it creates a span of kind client and a record in
/// `db.client.operation.duration`.
///
/// The duration covers everything that the given work does, but not the wait for a connection. An error is recorded
/// with the database's code or the kind of sqlx's error. `RowNotFound` is an error. A dropped future is recorded as
/// cancelled.
#[must_use = "an operation does nothing until it is run"]
pub struct InstrumentedQuery<'a, DB: StoreDatabase> {
    db: &'a Instrumented<DB>,
    operation: Operation,
}

impl<DB: StoreDatabase> Instrumented<DB> {
    /// Creates an operation for a query. Its name is the command, such as `SELECT`. The span also has a summary of the
    /// query.
    pub fn query(&self, sql: &str) -> InstrumentedQuery<'_, DB> {
        let dialect = DB::SYSTEM.dialect();
        let name = dialect.and_then(|dialect| dialect.operation(sql)).unwrap_or_default();
        let mut operation = self.client().operation(name);
        if let Some(summary) = dialect.and_then(|dialect| dialect.summary(sql)) {
            operation = operation.query_summary(summary);
        }
        if let Some(dialect) = dialect.filter(|_| self.has_query_texts()) {
            operation = operation.query_text(dialect.sanitised(sql));
        }
        InstrumentedQuery::new(self, operation)
    }

    /// Creates an operation with a name, for example for several queries. Each name is a separate time series, so never
    /// derive it from data.
    pub fn operation(&self, name: &'static str) -> InstrumentedQuery<'_, DB> {
        InstrumentedQuery::new(self, self.client().operation(name))
    }
}

impl<'a, DB: StoreDatabase> InstrumentedQuery<'a, DB> {
    pub(crate) const fn new(db: &'a Instrumented<DB>, operation: Operation) -> Self {
        Self { db, operation }
    }

    /// Sets the table of the operation. Each name is a separate time series, so never derive it from data.
    pub fn table(mut self, name: impl Into<StringValue>) -> Self {
        self.operation = self.operation.collection(name);
        self
    }

    /// Runs `work` on a connection of the pool.
    ///
    /// # Errors
    /// The errors of [`acquire`](Instrumented::acquire), which only the metrics of the pool record, and the errors of
    /// `work`.
    pub async fn run<T>(
        self,
        work: impl AsyncFnOnce(&mut DB::Connection) -> Result<T, sqlx::Error>,
    ) -> Result<T, sqlx::Error> {
        let mut connection = self.db.acquire().await?;
        let result = self.record(work(connection.start_statement())).await;
        connection.end_statement();
        result
    }

    /// Runs `work`, which uses its own connection, such as a query in a transaction.
    ///
    /// ```
    /// # #[cfg(feature = "sqlite")]
    /// # async fn example(db: cachescope_sqlx::Instrumented<sqlx::Sqlite>) -> Result<(), sqlx::Error> {
    /// use sqlx::Connection;
    ///
    /// let mut connection = db.acquire().await?;
    /// let mut transaction = connection.begin().await?;
    /// let sql = "UPDATE users SET seen = 1";
    /// db.query(sql).record(sqlx::query(sql).execute(&mut *transaction)).await?;
    /// transaction.commit().await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// The errors of `work`.
    pub async fn record<T>(self, work: impl Future<Output = Result<T, sqlx::Error>>) -> Result<T, sqlx::Error> {
        let running = self.operation.start();
        let result = work.await;
        running.end(result.as_ref().map(drop).map_err(telemetry_error::<DB>));
        result
    }
}

impl<DB: StoreDatabase> fmt::Debug for InstrumentedQuery<'_, DB> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InstrumentedQuery").field("operation", &self.operation).finish_non_exhaustive()
    }
}
