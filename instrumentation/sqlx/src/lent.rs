//! A connection that is out of its pool.

use std::fmt;
use std::ops::{Deref, DerefMut};

use cachescope_core::client::InUse;
use sqlx::pool::PoolConnection;

use crate::dialect::Dialect;

/// A connection of an [`Instrumented`](crate::Instrumented) pool. Dropped, it goes back, and how long it was away is
/// recorded. sqlx takes `&mut *connection` for an executor.
///
/// Of MySQL, what sqlx was asked by `&mut *connection` must run to its end: sqlx 0.9 can't use a connection again whose
/// statement was dropped half-way, and its pool loses it. What [`Watch::run`](crate::Watch::run) is given may be
/// dropped: its connection is closed then.
pub struct Lent<DB: Dialect> {
    connection: PoolConnection<DB>,
    under_way: bool,
    /// After the connection, so that it is in use until that is given back.
    _in_use: Option<InUse>,
}

impl<DB: Dialect> Lent<DB> {
    pub(crate) const fn new(connection: PoolConnection<DB>, in_use: Option<InUse>) -> Self {
        Self { connection, under_way: false, _in_use: in_use }
    }

    /// The connection, for a statement that [`ended`](Self::ended) follows; unless it is dropped half-way.
    pub(crate) const fn begun(&mut self) -> &mut PoolConnection<DB> {
        self.under_way = true;
        &mut self.connection
    }

    pub(crate) const fn ended(&mut self) {
        self.under_way = false;
    }
}

impl<DB: Dialect> Drop for Lent<DB> {
    fn drop(&mut self) {
        if self.under_way && !DB::RESUMES {
            self.connection.close_on_drop();
        }
    }
}

impl<DB: Dialect> Deref for Lent<DB> {
    type Target = DB::Connection;

    fn deref(&self) -> &Self::Target {
        &self.connection
    }
}

impl<DB: Dialect> DerefMut for Lent<DB> {
    fn deref_mut(&mut self) -> &mut Self::Target {
        &mut self.connection
    }
}

impl<DB: Dialect> fmt::Debug for Lent<DB> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lent").finish_non_exhaustive()
    }
}
