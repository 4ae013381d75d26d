//! A connection pool with telemetry.

use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

use cachescope_core::shared::StoreErrorKind;
use cachescope_telemetry::db_client::{ConnectionInUse, Pool, PoolRegistration};

use crate::connection_pool::ConnectionPool;
use crate::instrument::Instrumentation;
use crate::instrumented::Instrumented;
use crate::pooled_connection::PooledConnection;

/// A pool with telemetry for its connections and their commands. Created by [`Instrumentation::pool`].
///
/// Reports the number of connections, pending requests, wait times, use times, and timeouts. Connections taken from the
/// bare pool, or from a clone of it, count only in the number of connections. Clones are handles to the same pool. The
/// pool is reported until the last clone is dropped.
#[derive(Clone)]
pub struct InstrumentedPool<P> {
    pool: P,
    instrument: Instrumentation,
    telemetry: Pool,
    _registration: Arc<PoolRegistration>,
}

impl Instrumentation {
    /// Adds telemetry to a pool.
    pub fn pool<P: ConnectionPool>(self, pool: P) -> InstrumentedPool<P> {
        InstrumentedPool::new(pool, &self)
    }
}

impl<P: ConnectionPool> InstrumentedPool<P> {
    pub(crate) fn new(pool: P, instrument: &Instrumentation) -> Self {
        let telemetry = instrument.pool_telemetry();
        let observed = pool.clone();
        let registration = Arc::new(telemetry.observe(move || Some(observed.levels())));
        Self { pool, instrument: instrument.clone(), telemetry, _registration: registration }
    }

    /// Takes a connection from the pool. Waits up to the pool's own time limit. The future may be dropped while it
    /// waits.
    ///
    /// # Errors
    /// The error of the pool, if the wait takes too long or the pool can't connect.
    pub async fn get(&self) -> Result<Instrumented<PooledConnection<P::Connection>>, P::Error> {
        let (connection, in_use) = self.acquire().await?;
        Ok(self.instrument.clone().wrap(PooledConnection::new(connection, Some(in_use))))
    }

    pub(crate) async fn acquire(&self) -> Result<(P::Connection, ConnectionInUse), P::Error> {
        let waiting = self.telemetry.wait_started();
        match self.pool.acquire().await {
            Ok(connection) => {
                waiting.obtained();
                Ok((connection, self.telemetry.use_started()))
            }
            Err(error) => {
                if P::kind_of(&error) == StoreErrorKind::Timeout {
                    waiting.timed_out();
                }
                Err(error)
            }
        }
    }
}

impl<P> Deref for InstrumentedPool<P> {
    type Target = P;

    fn deref(&self) -> &P {
        &self.pool
    }
}

impl<P> fmt::Debug for InstrumentedPool<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InstrumentedPool").field("telemetry", &self.telemetry).finish_non_exhaustive()
    }
}
