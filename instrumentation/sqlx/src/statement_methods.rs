//! The methods of [`SqlDialect`](crate::database::SqlDialect) that have the same code for each database.

/// Defines the methods that run statements and read columns. Calls the function `query` of the calling module to bind
/// parameters.
macro_rules! statement_methods {
    ($connection:ty, $row:ty) => {
        async fn execute(
            connection: &mut $connection,
            statement: &$crate::statement::Statement,
            params: &[$crate::statement::Param<'_>],
        ) -> Result<u64, sqlx::Error> {
            Ok(query(statement, params).execute(connection).await?.rows_affected())
        }

        async fn fetch(
            connection: &mut $connection,
            statement: &$crate::statement::Statement,
            params: &[$crate::statement::Param<'_>],
        ) -> Result<Vec<$row>, sqlx::Error> {
            query(statement, params).fetch_all(connection).await
        }

        async fn run(connection: &mut $connection, sql: String) -> Result<(), sqlx::Error> {
            sqlx::raw_sql(sqlx::AssertSqlSafe(sql)).execute(connection).await.map(drop)
        }

        fn bytes(row: &$row, column: usize) -> Result<Option<Vec<u8>>, sqlx::Error> {
            sqlx::Row::try_get(row, column)
        }

        fn number(row: &$row, column: usize) -> Result<Option<i64>, sqlx::Error> {
            sqlx::Row::try_get(row, column)
        }
    };
}

/// Defines the method that returns the telemetry client of a pool to a server.
#[cfg(any(feature = "postgres", feature = "mysql"))]
macro_rules! server_client_method {
    () => {
        fn client(pool: &sqlx::Pool<Self>) -> cachescope_telemetry::db_client::Client {
            use cachescope_telemetry::db_client::Client;

            let options = pool.connect_options();
            let client = match options.get_socket() {
                Some(socket) => Client::new(Self::SYSTEM).server(socket.to_string_lossy(), None),
                None => Client::new(Self::SYSTEM).server(options.get_host(), options.get_port()),
            };
            match options.get_database() {
                Some(database) => client.namespace(database),
                None => client,
            }
        }
    };
}

#[cfg(any(feature = "postgres", feature = "mysql"))]
pub(crate) use server_client_method;
pub(crate) use statement_methods;
