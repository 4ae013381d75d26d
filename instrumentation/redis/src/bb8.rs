//! bb8's pools.

use bb8_redis::RedisConnectionManager;
use bb8_redis::bb8::{Pool, PooledConnection, RunError};
use cachescope_core::client::PoolLevels;
use cachescope_core::shared::StoreErrorKind;
use redis::RedisError;

use crate::failure::error_kind;
use crate::pool::ConnectionPool;

/// Its limit isn't told: bb8 doesn't say it.
impl ConnectionPool for Pool<RedisConnectionManager> {
    type Connection = PooledConnection<'static, RedisConnectionManager>;
    type Error = RunError<RedisError>;

    async fn take(&self) -> Result<Self::Connection, RunError<RedisError>> {
        self.get_owned().await
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
