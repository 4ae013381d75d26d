//! A connection taken from a pool.

use std::fmt;
use std::ops::{Deref, DerefMut};

use cachescope_telemetry::db_client::ConnectionInUse;
use sqlx::pool::PoolConnection;

use crate::database::StoreDatabase;

/// A connection of an [`Instrumented`](crate::Instrumented) pool. Dropping it returns the connection and records its
/// time of use. Pass `&mut *connection` to sqlx as the executor.
///
/// With MySQL, run each future that uses `&mut *connection` to its end. sqlx 0.9 can't reuse a connection after the
/// future of a statement is dropped, and the pool loses the connection. The future of
/// [`InstrumentedQuery::run`](crate::InstrumentedQuery::run) may be dropped, because its connection is closed then.
pub struct PooledConnection<DB: StoreDatabase> {
    connection: PoolConnection<DB>,
    statement_running: bool,
    /// Declared after `connection`, so that the use ends after the connection is returned.
    _in_use: Option<ConnectionInUse>,
}

impl<DB: StoreDatabase> PooledConnection<DB> {
    pub(crate) const fn new(connection: PoolConnection<DB>, in_use: Option<ConnectionInUse>) -> Self {
        Self { connection, statement_running: false, _in_use: in_use }
    }

    /// Returns the connection for a statement. Call [`end_statement`](Self::end_statement) after the statement, unless
    /// its future is dropped.
    pub(crate) const fn start_statement(&mut self) -> &mut PoolConnection<DB> {
        self.statement_running = true;
        &mut self.connection
    }

    pub(crate) const fn end_statement(&mut self) {
        self.statement_running = false;
    }
}

impl<DB: StoreDatabase> Drop for PooledConnection<DB> {
    fn drop(&mut self) {
        if self.statement_running && !DB::REUSABLE_AFTER_CANCEL {
            self.connection.close_on_drop();
        }
    }
}

impl<DB: StoreDatabase> Deref for PooledConnection<DB> {
    type Target = DB::Connection;

    fn deref(&self) -> &Self::Target {
        &self.connection
    }
}

impl<DB: StoreDatabase> DerefMut for PooledConnection<DB> {
    fn deref_mut(&mut self) -> &mut Self::Target {
        &mut self.connection
    }
}

impl<DB: StoreDatabase> fmt::Debug for PooledConnection<DB> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PooledConnection").finish_non_exhaustive()
    }
}
