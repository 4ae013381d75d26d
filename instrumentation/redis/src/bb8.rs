//! bb8's pool as a [`ConnectionPool`].

use bb8_redis::RedisConnectionManager;
use bb8_redis::bb8::{Pool, PooledConnection, RunError};
use cachescope_core::shared::StoreErrorKind;
use cachescope_telemetry::db_client::PoolLevels;
use redis::RedisError;

use crate::connection_pool::ConnectionPool;
use crate::error::error_kind;

/// Without the maximum number of connections, which bb8 doesn't report.
impl ConnectionPool for Pool<RedisConnectionManager> {
    type Connection = PooledConnection<'static, RedisConnectionManager>;
    type Error = RunError<RedisError>;

    async fn acquire(&self) -> Result<Self::Connection, RunError<RedisError>> {
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
