//! An operation that is watched.

use std::fmt;

use cachescope_core::client::Operation;
use opentelemetry::StringValue;

use crate::dialect::Dialect;
use crate::error::told;
use crate::instrumented::Instrumented;

/// An operation of an [`Instrumented`] pool, to be run: it gets a span of kind client, and
/// `db.client.operation.duration` records what it took.
///
/// That is the time until what it runs has ended, with what that does besides asking the database, and without the wait
/// for a connection. An error counts by the database's code or sqlx's kind of it; `RowNotFound` is one. Given up, it
/// counts as cancelled.
#[must_use = "nothing is run yet"]
pub struct Watch<'a, DB: Dialect> {
    db: &'a Instrumented<DB>,
    operation: Operation,
}

impl<'a, DB: Dialect> Watch<'a, DB> {
    pub(crate) const fn new(db: &'a Instrumented<DB>, operation: Operation) -> Self {
        Self { db, operation }
    }

    /// The table that it is about. Each is a series: never make it of data.
    pub fn table(mut self, name: impl Into<StringValue>) -> Self {
        self.operation = self.operation.collection(name);
        self
    }

    /// Runs `work` on a connection of the pool.
    ///
    /// # Errors
    /// Those of [`acquire`](Instrumented::acquire), of which only the pool's telemetry tells, and those of `work`.
    pub async fn run<T>(
        self,
        work: impl AsyncFnOnce(&mut DB::Connection) -> Result<T, sqlx::Error>,
    ) -> Result<T, sqlx::Error> {
        let mut connection = self.db.acquire().await?;
        let ended = self.on(work(connection.begun())).await;
        connection.ended();
        ended
    }

    /// Runs `work`, which has its connection already: a query in a transaction.
    ///
    /// ```
    /// # #[cfg(feature = "sqlite")]
    /// # async fn example(db: cachescope_sqlx::Instrumented<sqlx::Sqlite>) -> Result<(), sqlx::Error> {
    /// use sqlx::Connection;
    ///
    /// let mut connection = db.acquire().await?;
    /// let mut transaction = connection.begin().await?;
    /// let sql = "UPDATE users SET seen = 1";
    /// db.query(sql).on(sqlx::query(sql).execute(&mut *transaction)).await?;
    /// transaction.commit().await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// Those of `work`.
    pub async fn on<T>(self, work: impl Future<Output = Result<T, sqlx::Error>>) -> Result<T, sqlx::Error> {
        let running = self.operation.start();
        let ended = work.await;
        running.end(ended.as_ref().map(drop).map_err(told::<DB>));
        ended
    }
}

impl<DB: Dialect> fmt::Debug for Watch<'_, DB> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Watch").field("operation", &self.operation).finish_non_exhaustive()
    }
}
