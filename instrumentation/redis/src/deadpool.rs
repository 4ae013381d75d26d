//! deadpool's pool as a [`ConnectionPool`].

use cachescope_core::shared::StoreErrorKind;
use cachescope_telemetry::db_client::PoolLevels;
use deadpool_redis::{Connection, Pool, PoolError};

use crate::connection_pool::ConnectionPool;
use crate::error::error_kind;

impl ConnectionPool for Pool {
    type Connection = Connection;
    type Error = PoolError;

    async fn acquire(&self) -> Result<Connection, PoolError> {
        self.get().await
    }

    fn kind_of(error: &PoolError) -> StoreErrorKind {
        match error {
            PoolError::Backend(error) => error_kind(error),
            PoolError::Timeout(_) => StoreErrorKind::Timeout,
            PoolError::Closed => StoreErrorKind::Unreachable,
            _ => StoreErrorKind::Other,
        }
    }

    fn levels(&self) -> PoolLevels {
        let status = self.status();
        let [idle, size, max] =
            [status.available, status.size, status.max_size].map(|count| u64::try_from(count).unwrap_or(u64::MAX));
        PoolLevels { idle, used: size.saturating_sub(idle), max: Some(max), ..PoolLevels::default() }
    }
}
