//! The interface of connection pools.

use std::error::Error;
use std::ops::DerefMut;

use cachescope_core::shared::StoreErrorKind;
use cachescope_telemetry::db_client::PoolLevels;
use redis::aio::ConnectionLike;

/// A pool of connections. Implemented for bb8's pool (feature `bb8`) and deadpool's pool (feature `deadpool`).
/// Implement it to use another pool.
pub trait ConnectionPool: Clone + Send + Sync + 'static {
    /// The guard of a connection, or a `Box` if the pool has no guard. Dropping it returns the connection. The
    /// connection must stay usable after the future of a command is dropped.
    type Connection: DerefMut<Target: ConnectionLike + Send> + Send + 'static;

    /// The error of the pool.
    type Error: Error + Send + Sync + 'static;

    /// Takes a connection from the pool. Waits up to the pool's own time limit.
    ///
    /// # Errors
    /// If the wait takes too long, or the pool can't connect.
    fn acquire(&self) -> impl Future<Output = Result<Self::Connection, Self::Error>> + Send;

    /// Returns the kind of an error. Use [`error_kind`](crate::error_kind) for errors of the client.
    fn kind_of(error: &Self::Error) -> StoreErrorKind;

    /// Returns the number of idle and used connections, and the limits.
    fn levels(&self) -> PoolLevels;
}
