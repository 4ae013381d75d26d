//! A connection taken from a pool.

use std::fmt;
use std::ops::{Deref, DerefMut};

use cachescope_telemetry::db_client::ConnectionInUse;
use redis::aio::ConnectionLike;
use redis::{Cmd, Pipeline, RedisFuture, Value};

/// A connection taken from a pool. Dropping it returns the connection to the pool. Dereferences to the connection.
pub struct PooledConnection<C> {
    connection: C,
    /// Declared after `connection`, so that the connection is returned first. `None` without telemetry.
    _in_use: Option<ConnectionInUse>,
}

impl<C> PooledConnection<C> {
    pub(crate) const fn new(connection: C, in_use: Option<ConnectionInUse>) -> Self {
        Self { connection, _in_use: in_use }
    }
}

impl<C: DerefMut<Target: ConnectionLike>> ConnectionLike for PooledConnection<C> {
    fn req_packed_command<'a>(&'a mut self, cmd: &'a Cmd) -> RedisFuture<'a, Value> {
        self.connection.req_packed_command(cmd)
    }

    fn req_packed_commands<'a>(
        &'a mut self,
        pipeline: &'a Pipeline,
        offset: usize,
        count: usize,
    ) -> RedisFuture<'a, Vec<Value>> {
        self.connection.req_packed_commands(pipeline, offset, count)
    }

    fn get_db(&self) -> i64 {
        self.connection.get_db()
    }
}

impl<C: Deref> Deref for PooledConnection<C> {
    type Target = C::Target;

    fn deref(&self) -> &C::Target {
        &self.connection
    }
}

impl<C: DerefMut> DerefMut for PooledConnection<C> {
    fn deref_mut(&mut self) -> &mut C::Target {
        &mut self.connection
    }
}

impl<C> fmt::Debug for PooledConnection<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PooledConnection").field("in_use", &self._in_use).finish_non_exhaustive()
    }
}
