//! Pools of connections.

use std::error::Error;
use std::fmt;
use std::ops::{Deref, DerefMut};
use std::sync::{Arc, OnceLock};

use cachescope_core::client::{InUse, Pool, PoolLevels, PoolRegistration};
use cachescope_core::shared::{StoreError, StoreErrorKind};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use redis::aio::ConnectionLike;
use redis::{Cmd, Pipeline, RedisFuture, Value};

use crate::instrument::Instrument;
use crate::instrumented::Instrumented;
use crate::source::{Lent, Single, Source};

/// A pool of connections: bb8's with the feature `bb8`, deadpool's with `deadpool`, and any other that implements
/// this.
pub trait ConnectionPool: Clone + Send + Sync + 'static {
    /// What is taken from it, and points to the connection: a guard, or a `Box` where there is none. Dropped, it goes
    /// back; its commands may be dropped before their answer, and it still runs others.
    type Connection: DerefMut<Target: ConnectionLike + Send> + Send + 'static;

    /// Why there was none.
    type Error: Error + Send + Sync + 'static;

    /// Takes a connection, and waits for one as long as the pool does.
    ///
    /// # Errors
    /// If that took too long, or it couldn't be connected.
    fn take(&self) -> impl Future<Output = Result<Self::Connection, Self::Error>> + Send;

    /// What kind of error this is. [`error_kind`](crate::error_kind) knows the client's own ones.
    fn kind_of(error: &Self::Error) -> StoreErrorKind;

    /// How many connections there are, and may be.
    fn levels(&self) -> PoolLevels;
}

/// A pool whose connections tell of their commands, and which tells how it does itself: how many connections it has,
/// how many wait for one and for how long, how long they are away, and how often it took too long. Made by
/// [`Instrument::pool`].
///
/// Who takes connections from the bare pool, or a clone of it, is seen in the number of connections only. Clones are
/// the same pool; it is told of until the last of them is dropped.
#[derive(Clone)]
pub struct InstrumentedPool<P> {
    pool: P,
    instrument: Instrument,
    told: Pool,
    _registration: Arc<PoolRegistration>,
}

impl<P: ConnectionPool> InstrumentedPool<P> {
    pub(crate) fn new(pool: P, instrument: &Instrument) -> Self {
        let told = instrument.told_pool();
        let levels = pool.clone();
        let registration = Arc::new(told.observe(move || Some(levels.levels())));
        Self { pool, instrument: instrument.clone(), told, _registration: registration }
    }

    /// Takes a connection, and waits for one as long as the pool does. May be dropped while it waits.
    ///
    /// # Errors
    /// The pool's: if that took too long, or it couldn't be connected.
    pub async fn get(&self) -> Result<Instrumented<Taken<P::Connection>>, P::Error> {
        let (connection, in_use) = self.take().await?;
        Ok(self.instrument.clone().wrap(Taken { connection, _in_use: Some(in_use) }))
    }

    async fn take(&self) -> Result<(P::Connection, InUse), P::Error> {
        let waiting = self.told.wait_started();
        match self.pool.take().await {
            Ok(connection) => {
                waiting.obtained();
                Ok((connection, self.told.use_started()))
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

/// A connection that was taken from a pool, and is back when dropped. The connection's own methods are there by `Deref`.
pub struct Taken<C> {
    connection: C,
    /// After the connection, which goes back first. None where nobody is told.
    _in_use: Option<InUse>,
}

impl<C: DerefMut<Target: ConnectionLike>> ConnectionLike for Taken<C> {
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

impl<C: Deref> Deref for Taken<C> {
    type Target = C::Target;

    fn deref(&self) -> &C::Target {
        &self.connection
    }
}

impl<C: DerefMut> DerefMut for Taken<C> {
    fn deref_mut(&mut self) -> &mut C::Target {
        &mut self.connection
    }
}

impl<C> fmt::Debug for Taken<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Taken").field("in_use", &self._in_use).finish_non_exhaustive()
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
        f.debug_struct("InstrumentedPool").field("told", &self.told).finish_non_exhaustive()
    }
}

/// A pool as a store uses it.
pub(crate) struct Pooled<P> {
    pool: P,
    /// From the first operation on, as only then it is known where telemetry goes.
    told: OnceLock<InstrumentedPool<P>>,
}

impl<P> Pooled<P> {
    pub(crate) const fn new(pool: P) -> Self {
        Self { pool, told: OnceLock::new() }
    }
}

impl<P: ConnectionPool> Source for Pooled<P> {
    fn lend<'a>(&'a self, tell: Option<&'a Instrument>) -> BoxFuture<'a, Result<Box<dyn Lent>, StoreError>> {
        async move {
            let (connection, in_use) = match tell {
                None => (self.pool.take().await.map_err(failure::<P>)?, None),
                Some(instrument) => {
                    let told = self.told.get_or_init(|| InstrumentedPool::new(self.pool.clone(), instrument));
                    let (connection, in_use) = told.take().await.map_err(failure::<P>)?;
                    (connection, Some(in_use))
                }
            };
            let lent: Box<dyn Lent> = Box::new(Single(Taken { connection, _in_use: in_use }));
            Ok(lent)
        }
        .boxed()
    }
}

fn failure<P: ConnectionPool>(error: P::Error) -> StoreError {
    StoreError::new(P::kind_of(&error), error)
}
