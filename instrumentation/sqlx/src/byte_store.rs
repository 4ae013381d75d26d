//! The implementation of [`ByteStore`] for [`SqlStore`].

use std::time::Duration;

use cachescope_core::shared::{
    ByteStore, Invalidation, InvalidationStream, LeaseResult, LeaseToken, Scope, StoreError, StoreFuture, StoreKey,
    StoreSize,
};

use crate::database::{StoreDatabase, SweptBatch};
use crate::error::store_error;
use crate::statement::Param;
use crate::statements::{COUNT_LIMIT, may_be_more};
use crate::store::SqlStore;

impl<DB: StoreDatabase> ByteStore for SqlStore<DB> {
    fn kind(&self) -> &'static str {
        DB::KIND
    }

    fn get<'a>(&'a self, key: &'a StoreKey) -> StoreFuture<'a, Option<Vec<u8>>> {
        Box::pin(async move {
            let mut connection = self.connection().await?;
            let rows = self.fetch(&mut connection, &self.statements.get, &key_params(key)).await?;
            first_value::<DB>(&rows).map(Option::flatten)
        })
    }

    fn put<'a>(
        &'a self,
        key: &'a StoreKey,
        bytes: &'a [u8],
        ttl: Option<Duration>,
        lease: Option<LeaseToken>,
    ) -> StoreFuture<'a, bool> {
        Box::pin(async move {
            let mut connection = self.connection().await?;
            let [scope, name] = key_params(key);
            let size = Param::Number(i64::try_from(bytes.len()).ok());
            let ttl = Param::Number(ttl.map(millis));
            let entry = [scope, name, Param::Bytes(bytes), size, ttl];
            match lease {
                None => self.execute(&mut connection, &self.statements.put, &entry).await.map(|_| true),
                Some(token) => {
                    let [scope, name, bytes, size, ttl] = entry;
                    let entry = [scope, name, bytes, size, ttl, token_param(token)];
                    self.execute(&mut connection, &self.statements.put_leased, &entry).await.map(|rows| rows == 1)
                }
            }
        })
    }

    fn remove<'a>(&'a self, key: &'a StoreKey) -> StoreFuture<'a, ()> {
        Box::pin(async move {
            let mut connection = self.connection().await?;
            self.execute(&mut connection, &self.statements.remove, &key_params(key)).await.map(drop)
        })
    }

    fn clear<'a>(&'a self, scope: &'a Scope) -> StoreFuture<'a, ()> {
        Box::pin(async move {
            let mut connection = self.connection().await?;
            loop {
                let delete = self.batch_delete(&self.statements.clear, scope);
                let clear = DB::clear(connection.start_statement(), delete);
                let rows = self.record(&self.statements.clear, clear).await;
                connection.end_statement();
                if !may_be_more(rows.map_err(store_error::<DB>)?) {
                    return Ok(());
                }
            }
        })
    }

    fn lease<'a>(&'a self, key: &'a StoreKey, token: LeaseToken, term: Duration) -> StoreFuture<'a, LeaseResult> {
        Box::pin(async move {
            let mut connection = self.connection().await?;
            let [scope, name] = key_params(key);
            let lease_params = [scope, name, token_param(token), Param::Number(Some(millis(term)))];
            let rows = match &self.statements.read_leased {
                None => self.fetch(&mut connection, &self.statements.lease, &lease_params).await?,
                Some(read_leased) => {
                    self.execute(&mut connection, &self.statements.lease, &lease_params).await?;
                    self.fetch(&mut connection, read_leased, &lease_params).await?
                }
            };
            Ok(first_value::<DB>(&rows)?.map_or(LeaseResult::Held, LeaseResult::Granted))
        })
    }

    fn release<'a>(&'a self, key: &'a StoreKey, token: LeaseToken) -> StoreFuture<'a, ()> {
        Box::pin(async move {
            let mut connection = self.connection().await?;
            let [scope, name] = key_params(key);
            let params = [scope, name, token_param(token)];
            self.execute(&mut connection, &self.statements.release, &params).await.map(drop)
        })
    }

    fn size<'a>(&'a self, scope: &'a Scope) -> StoreFuture<'a, StoreSize> {
        Box::pin(async move {
            let mut connection = self.connection().await?;
            let params = [Param::Text(scope.as_str()), Param::Number(Some(COUNT_LIMIT))];
            let counted = self.fetch(&mut connection, &self.statements.count, &params).await?;
            let row = counted.first().ok_or(sqlx::Error::RowNotFound).map_err(store_error::<DB>)?;
            let number = |column| DB::number(row, column).map_err(store_error::<DB>);
            let [rows, entries, bytes] = [number(0)?, number(1)?, number(2)?];
            if rows.is_none_or(|rows| rows >= COUNT_LIMIT) {
                return Ok(StoreSize::default());
            }
            let counted = |number: Option<i64>| number.and_then(|number| u64::try_from(number).ok());
            Ok(StoreSize { entries: counted(entries), bytes: counted(bytes), exact: true })
        })
    }

    fn sweep<'a>(&'a self, scope: &'a Scope) -> StoreFuture<'a, u64> {
        Box::pin(async move {
            let mut connection = self.connection().await?;
            let mut entries = 0;
            loop {
                let delete = self.batch_delete(&self.statements.sweep, scope);
                let sweep = DB::sweep(connection.start_statement(), delete);
                let swept = self.record(&self.statements.sweep, sweep).await;
                connection.end_statement();
                let swept: SweptBatch = swept.map_err(store_error::<DB>)?;
                entries += swept.entries;
                if !may_be_more(swept.rows) {
                    return Ok(entries);
                }
            }
        })
    }

    fn announce<'a>(&'a self, scope: &'a Scope, invalidation: &'a Invalidation) -> StoreFuture<'a, ()> {
        DB::announce(&self.pool, self.topic(scope), invalidation)
    }

    fn listen<'a>(&'a self, scope: &'a Scope) -> StoreFuture<'a, Option<Box<dyn InvalidationStream>>> {
        DB::listen(&self.pool, self.topic(scope))
    }
}

fn key_params(key: &StoreKey) -> [Param<'_>; 2] {
    [Param::Text(key.scope().as_str()), Param::Text(key.as_str())]
}

fn token_param(token: LeaseToken) -> Param<'static> {
    Param::Number(i64::try_from(token.number()).ok())
}

/// Returns milliseconds, rounded up and at most about 35,000 years.
fn millis(time: Duration) -> i64 {
    const MAX_MILLIS: i64 = 1 << 50;
    i64::try_from(time.as_nanos().div_ceil(1_000_000)).map_or(MAX_MILLIS, |millis| millis.min(MAX_MILLIS))
}

/// Returns the first column of the first row, if there is a row.
fn first_value<DB: StoreDatabase>(rows: &[DB::Row]) -> Result<Option<Option<Vec<u8>>>, StoreError> {
    rows.first().map(|row| DB::bytes(row, 0)).transpose().map_err(store_error::<DB>)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn millis_are_rounded_up_and_never_overflow() {
        assert_eq!(millis(Duration::ZERO), 0);
        assert_eq!(millis(Duration::from_nanos(1)), 1);
        assert_eq!(millis(Duration::from_millis(1_500)), 1_500);
        assert_eq!(millis(Duration::MAX), 1 << 50);
    }
}
