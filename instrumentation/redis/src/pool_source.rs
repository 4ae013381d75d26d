//! A connection pool as the source of a store's connections.

use std::sync::OnceLock;

use cachescope_core::shared::StoreError;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;

use crate::connection_pool::ConnectionPool;
use crate::connection_source::{BoxedConnection, ConnectionSource, SingleServer};
use crate::instrument::Instrumentation;
use crate::instrumented_pool::InstrumentedPool;
use crate::pooled_connection::PooledConnection;

/// Hands out connections of a pool to a store.
pub(crate) struct PoolSource<P> {
    pool: P,
    /// Created by the first operation, because only operations know the telemetry configuration.
    instrumented: OnceLock<InstrumentedPool<P>>,
}

impl<P> PoolSource<P> {
    pub(crate) const fn new(pool: P) -> Self {
        Self { pool, instrumented: OnceLock::new() }
    }
}

impl<P: ConnectionPool> ConnectionSource for PoolSource<P> {
    fn connection<'a>(
        &'a self,
        instrument: Option<&'a Instrumentation>,
    ) -> BoxFuture<'a, Result<BoxedConnection, StoreError>> {
        async move {
            let (connection, in_use) = match instrument {
                None => (self.pool.acquire().await.map_err(pool_error::<P>)?, None),
                Some(instrument) => {
                    let instrumented =
                        self.instrumented.get_or_init(|| InstrumentedPool::new(self.pool.clone(), instrument));
                    let (connection, in_use) = instrumented.acquire().await.map_err(pool_error::<P>)?;
                    (connection, Some(in_use))
                }
            };
            let boxed: BoxedConnection = Box::new(SingleServer(PooledConnection::new(connection, in_use)));
            Ok(boxed)
        }
        .boxed()
    }
}

fn pool_error<P: ConnectionPool>(error: P::Error) -> StoreError {
    StoreError::new(P::kind_of(&error), error)
}
