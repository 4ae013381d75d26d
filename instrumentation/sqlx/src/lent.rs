//! A connection that is out of its pool.

use std::fmt;
use std::ops::{Deref, DerefMut};

use cachescope_core::client::InUse;
use sqlx::pool::PoolConnection;

use crate::dialect::Dialect;

/// A connection of an [`Instrumented`](crate::Instrumented) pool. Dropped, it goes back, and how long it was away is
/// recorded. sqlx takes `&mut *connection` for an executor.
pub struct Lent<DB: Dialect> {
    connection: PoolConnection<DB>,
    /// After the connection, so that it is in use until that is given back.
    _in_use: Option<InUse>,
}

impl<DB: Dialect> Lent<DB> {
    pub(crate) const fn new(connection: PoolConnection<DB>, in_use: Option<InUse>) -> Self {
        Self { connection, _in_use: in_use }
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
