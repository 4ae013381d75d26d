//! A table as a store.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use cachescope_core::ConfigError;
use cachescope_core::shared::{
    ByteStore, LeaseToken, Leased, Notice, Notices, Scope, StoreError, StoreErrorKind, StoreFuture, StoreKey, StoreSize,
};
use sqlx::Pool;

use crate::dialect::{Dialect, Swept, may_be_more};
use crate::error::{Newer, failed, is_no_table, told};
use crate::instrumented::Instrumented;
use crate::lent::Lent;
use crate::statement::{Param, Statement};
use crate::statements::{COUNTED, Statements, VERSION};
use crate::table::Table;

/// A table of a database as a [`ByteStore`]: see `Sqlite`, `Postgres` and `MySql`.
///
/// One table serves any number of caches. It is made by [`create_table`](Self::create_table), or by your migrations
/// from what [`schema`](Self::schema) says.
///
/// - `get`, `put`, `remove`, `release` are one statement each, and so is `lease` but in MySQL, where it is two.
///   A connection that was idle is pinged before, unless the pool was made with `test_before_acquire(false)`.
/// - Lives and terms are measured by the database's clock, to the millisecond.
/// - `clear` and `sweep` drop 1,000 rows at a time; dropped half-way, they have dropped some of the batches.
/// - `size` counts up to 200,000 rows in an index, and tells nothing of scopes that have more. Rows that hold a lease
///   and no entry aren't entries.
///
/// A dropped operation has happened or not. Its connection goes back to the pool once the server is done with it; that
/// of MySQL is closed, since it couldn't be used again, so that each time limit that is reached there costs a connection.
pub struct Sql<DB: Dialect> {
    pool: Pool<DB>,
    instrumented: Option<Instrumented<DB>>,
    table: Table,
    statements: Arc<Statements>,
}

impl<DB: Dialect> Sql<DB> {
    /// The table `cachescope` of the database that `pool` connects to.
    #[must_use]
    pub fn new(pool: Pool<DB>) -> Self {
        Self::of(pool, None, Table::default())
    }

    /// The same by an instrumented pool: telemetry tells of the store's waits for connections, and of each of its
    /// statements. Their texts, which are the store's own, it doesn't tell.
    #[must_use]
    pub fn instrumented(db: Instrumented<DB>) -> Self {
        Self::of(db.pool().clone(), Some(db), Table::default())
    }

    fn of(pool: Pool<DB>, instrumented: Option<Instrumented<DB>>, table: Table) -> Self {
        let statements = Arc::new(Statements::new::<DB>(&table));
        Self { pool, instrumented, table, statements }
    }

    /// Another table, of this name. Give it as `within.name` if it is in a schema (in MySQL: a database) of its own.
    ///
    /// # Errors
    /// If these aren't letters, digits and underscores, up to 48 of them.
    pub fn table(self, name: &str) -> Result<Self, ConfigError> {
        Ok(Self::of(self.pool, self.instrumented, Table::new(name)?))
    }

    /// Makes the table and what belongs to it, unless they are there. Any number of processes may do so at once.
    ///
    /// Where they are there, this is one query, and needs no right to make tables.
    ///
    /// # Errors
    /// If the database can't be reached, or refuses; if the table is of a newer version of this crate.
    pub async fn create_table(&self) -> Result<(), StoreError> {
        let mut connection = self.connection().await?;
        let recorded = DB::fetch(connection.begun(), &self.statements.recorded, &[]);
        let recorded = self.told(&self.statements.recorded, recorded).await;
        connection.ended();
        let recorded = match recorded {
            Ok(rows) => rows.first().map(|row| DB::number(row, 0)).transpose().map_err(failed::<DB>)?.flatten(),
            Err(error) if is_no_table::<DB>(&error) => None,
            Err(error) => return Err(failed::<DB>(error)),
        };
        match recorded {
            Some(VERSION) => Ok(()),
            Some(version) if version > VERSION => Err(StoreError::new(StoreErrorKind::Other, Newer { version })),
            // Every statement of it leaves alone what is there, and the version comes last.
            _ => {
                let create = format!("{}{}", DB::LOCK, self.statements.create);
                let created = DB::run(connection.begun(), create).await.map_err(failed::<DB>);
                connection.ended();
                created
            }
        }
    }

    /// The statements that [`create_table`](Self::create_table) runs, for a migration of your own.
    #[must_use]
    pub fn schema(&self) -> &str {
        &self.statements.create
    }

    #[cfg(feature = "postgres")]
    pub(crate) const fn pool(&self) -> &Pool<DB> {
        &self.pool
    }

    #[cfg(feature = "postgres")]
    pub(crate) fn quoted(&self) -> String {
        self.table.quoted(DB::QUOTE)
    }

    async fn connection(&self) -> Result<Lent<DB>, StoreError> {
        let connection = match &self.instrumented {
            Some(db) => db.acquire().await,
            None => self.pool.acquire().await.map(|connection| Lent::new(connection, None)),
        };
        connection.map_err(failed::<DB>)
    }

    async fn execute(
        &self,
        connection: &mut Lent<DB>,
        statement: &Statement,
        params: &[Param<'_>],
    ) -> Result<u64, StoreError> {
        let ended = self.told(statement, DB::execute(connection.begun(), statement, params)).await;
        connection.ended();
        ended.map_err(failed::<DB>)
    }

    async fn fetch(
        &self,
        connection: &mut Lent<DB>,
        statement: &Statement,
        params: &[Param<'_>],
    ) -> Result<Vec<DB::Row>, StoreError> {
        let ended = self.told(statement, DB::fetch(connection.begun(), statement, params)).await;
        connection.ended();
        ended.map_err(failed::<DB>)
    }

    /// Runs a statement, and tells telemetry of it.
    async fn told<T>(
        &self,
        statement: &Statement,
        work: impl Future<Output = Result<T, sqlx::Error>> + Send,
    ) -> Result<T, sqlx::Error> {
        let Some(db) = &self.instrumented else { return work.await };
        let running = db.client().operation(statement.name).collection(Arc::clone(self.table.name())).start();
        let ended = work.await;
        running.end(ended.as_ref().map(drop).map_err(told::<DB>));
        ended
    }
}

impl<DB: Dialect> ByteStore for Sql<DB> {
    fn kind(&self) -> &'static str {
        DB::KIND
    }

    fn get<'a>(&'a self, key: &'a StoreKey) -> StoreFuture<'a, Option<Vec<u8>>> {
        Box::pin(async move {
            let mut connection = self.connection().await?;
            let rows = self.fetch(&mut connection, &self.statements.get, &named(key)).await?;
            stored::<DB>(&rows).map(Option::flatten)
        })
    }

    fn put<'a>(
        &'a self,
        key: &'a StoreKey,
        bytes: &'a [u8],
        life: Option<Duration>,
        lease: Option<LeaseToken>,
    ) -> StoreFuture<'a, bool> {
        Box::pin(async move {
            let mut connection = self.connection().await?;
            let [scope, name] = named(key);
            let size = Param::Number(i64::try_from(bytes.len()).ok());
            let life = Param::Number(life.map(millis));
            let entry = [scope, name, Param::Bytes(bytes), size, life];
            match lease {
                None => self.execute(&mut connection, &self.statements.put, &entry).await.map(|_| true),
                Some(token) => {
                    let [scope, name, bytes, size, life] = entry;
                    let entry = [scope, name, bytes, size, life, number(token)];
                    self.execute(&mut connection, &self.statements.put_leased, &entry).await.map(|rows| rows == 1)
                }
            }
        })
    }

    fn remove<'a>(&'a self, key: &'a StoreKey) -> StoreFuture<'a, ()> {
        Box::pin(async move {
            let mut connection = self.connection().await?;
            self.execute(&mut connection, &self.statements.remove, &named(key)).await.map(drop)
        })
    }

    fn clear<'a>(&'a self, scope: &'a Scope) -> StoreFuture<'a, ()> {
        Box::pin(async move {
            let mut connection = self.connection().await?;
            loop {
                let clear = DB::clear(connection.begun(), &self.statements, scope.as_str());
                let rows = self.told(&self.statements.clear, clear).await;
                connection.ended();
                if !may_be_more(rows.map_err(failed::<DB>)?) {
                    return Ok(());
                }
            }
        })
    }

    fn lease<'a>(&'a self, key: &'a StoreKey, token: LeaseToken, term: Duration) -> StoreFuture<'a, Leased> {
        Box::pin(async move {
            let mut connection = self.connection().await?;
            let [scope, name] = named(key);
            let wish = [scope, name, number(token), Param::Number(Some(millis(term)))];
            let rows = match &self.statements.look {
                None => self.fetch(&mut connection, &self.statements.lease, &wish).await?,
                Some(look) => {
                    self.execute(&mut connection, &self.statements.lease, &wish).await?;
                    self.fetch(&mut connection, look, &wish).await?
                }
            };
            Ok(stored::<DB>(&rows)?.map_or(Leased::Held, Leased::Granted))
        })
    }

    fn release<'a>(&'a self, key: &'a StoreKey, token: LeaseToken) -> StoreFuture<'a, ()> {
        Box::pin(async move {
            let mut connection = self.connection().await?;
            let [scope, name] = named(key);
            let held = [scope, name, number(token)];
            self.execute(&mut connection, &self.statements.release, &held).await.map(drop)
        })
    }

    fn size<'a>(&'a self, scope: &'a Scope) -> StoreFuture<'a, StoreSize> {
        Box::pin(async move {
            let mut connection = self.connection().await?;
            let which = [Param::Text(scope.as_str()), Param::Number(Some(COUNTED))];
            let counted = self.fetch(&mut connection, &self.statements.count, &which).await?;
            let row = counted.first().ok_or(sqlx::Error::RowNotFound).map_err(failed::<DB>)?;
            let number = |column| DB::number(row, column).map_err(failed::<DB>);
            let [rows, entries, bytes] = [number(0)?, number(1)?, number(2)?];
            if rows.is_none_or(|rows| rows >= COUNTED) {
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
                let sweep = DB::sweep(connection.begun(), &self.statements, scope.as_str());
                let swept = self.told(&self.statements.sweep, sweep).await;
                connection.ended();
                let swept: Swept = swept.map_err(failed::<DB>)?;
                entries += swept.entries;
                if !may_be_more(swept.rows) {
                    return Ok(entries);
                }
            }
        })
    }

    fn announce<'a>(&'a self, scope: &'a Scope, notice: &'a Notice) -> StoreFuture<'a, ()> {
        DB::announce(self, scope, notice)
    }

    fn listen<'a>(&'a self, scope: &'a Scope) -> StoreFuture<'a, Option<Box<dyn Notices>>> {
        DB::listen(self, scope)
    }
}

impl<DB: Dialect> Clone for Sql<DB> {
    fn clone(&self) -> Self {
        Self {
            pool: self.pool.clone(),
            instrumented: self.instrumented.clone(),
            table: self.table.clone(),
            statements: Arc::clone(&self.statements),
        }
    }
}

/// Without what the pool connects with, which may have a password in it.
impl<DB: Dialect> fmt::Debug for Sql<DB> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let table = self.table.quoted(DB::QUOTE);
        f.debug_struct("Sql").field("kind", &DB::KIND).field("table", &table).finish_non_exhaustive()
    }
}

fn named(key: &StoreKey) -> [Param<'_>; 2] {
    [Param::Text(key.scope().as_str()), Param::Text(key.as_str())]
}

fn number(token: LeaseToken) -> Param<'static> {
    Param::Number(i64::try_from(token.number()).ok())
}

/// Rounded up; beyond thirty thousand years it is no matter.
fn millis(time: Duration) -> i64 {
    const LONGEST: i64 = 1 << 50;
    i64::try_from(time.as_nanos().div_ceil(1_000_000)).map_or(LONGEST, |millis| millis.min(LONGEST))
}

/// What the row has, if there is one.
fn stored<DB: Dialect>(rows: &[DB::Row]) -> Result<Option<Option<Vec<u8>>>, StoreError> {
    rows.first().map(|row| DB::bytes(row, 0)).transpose().map_err(failed::<DB>)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_life_is_rounded_up_and_never_overflows() {
        assert_eq!(millis(Duration::ZERO), 0);
        assert_eq!(millis(Duration::from_nanos(1)), 1);
        assert_eq!(millis(Duration::from_millis(1_500)), 1_500);
        assert_eq!(millis(Duration::MAX), 1 << 50);
    }
}
