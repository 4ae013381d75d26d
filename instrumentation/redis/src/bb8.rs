//! bb8's pools.

use std::fmt;
use std::ops::{Deref, DerefMut};

use bb8_redis::RedisConnectionManager;
use bb8_redis::bb8::{Pool, PooledConnection, RunError};
use cachescope_core::client::PoolLevels;
use cachescope_core::shared::StoreErrorKind;
use redis::aio::{ConnectionLike, MultiplexedConnection};
use redis::{Cmd, Pipeline, RedisError, RedisFuture, Value};

use crate::failure::error_kind;
use crate::pool::ConnectionPool;

/// Its limit isn't told: bb8 doesn't say it.
impl ConnectionPool for Pool<RedisConnectionManager> {
    type Connection = Bb8Connection;
    type Error = RunError<RedisError>;

    async fn take(&self) -> Result<Bb8Connection, RunError<RedisError>> {
        self.get_owned().await.map(Bb8Connection)
    }

    fn kind_of(error: &RunError<RedisError>) -> StoreErrorKind {
        match error {
            RunError::User(error) => error_kind(error),
            RunError::TimedOut => StoreErrorKind::Timeout,
        }
    }

    fn levels(&self) -> PoolLevels {
        let state = self.state();
        let idle = u64::from(state.idle_connections);
        PoolLevels { idle, used: u64::from(state.connections).saturating_sub(idle), ..PoolLevels::default() }
    }
}

/// A connection of a bb8 pool, which by itself only points to what runs commands.
pub struct Bb8Connection(PooledConnection<'static, RedisConnectionManager>);

impl ConnectionLike for Bb8Connection {
    fn req_packed_command<'a>(&'a mut self, cmd: &'a Cmd) -> RedisFuture<'a, Value> {
        self.0.req_packed_command(cmd)
    }

    fn req_packed_commands<'a>(
        &'a mut self,
        pipeline: &'a Pipeline,
        offset: usize,
        count: usize,
    ) -> RedisFuture<'a, Vec<Value>> {
        self.0.req_packed_commands(pipeline, offset, count)
    }

    fn get_db(&self) -> i64 {
        self.0.get_db()
    }
}

impl Deref for Bb8Connection {
    type Target = MultiplexedConnection;

    fn deref(&self) -> &MultiplexedConnection {
        &self.0
    }
}

impl DerefMut for Bb8Connection {
    fn deref_mut(&mut self) -> &mut MultiplexedConnection {
        &mut self.0
    }
}

impl fmt::Debug for Bb8Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Bb8Connection").finish_non_exhaustive()
    }
}
