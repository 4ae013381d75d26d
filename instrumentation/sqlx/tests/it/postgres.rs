//! Tests on a PostgreSQL server.

use std::time::Duration;

use cachescope_harness::Server;
use sqlx::postgres::{PgPool, PgPoolOptions};

use crate::store_suite;

/// Starts a server for one test. Dropping it stops the server.
pub(crate) fn start() -> Server {
    Server::postgres().unwrap()
}

/// Returns a pool of `connections` connections to the server.
pub(crate) async fn pool(server: &Server, connections: u32) -> PgPool {
    let pool = PgPoolOptions::new().max_connections(connections).acquire_timeout(Duration::from_secs(10));
    pool.connect(server.url()).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn postgres_passes_store_suite() {
    let server = start();
    let pool = pool(&server, 10).await;
    store_suite::run_all(cachescope_sqlx::Postgres::new(pool), true).await;
}
