//! A PostgreSQL server.

use std::time::Duration;

use cachescope_stack::Server;
use sqlx::postgres::{PgPool, PgPoolOptions};

use crate::promises;

/// One of a test's own, which is stopped when it is dropped.
pub(crate) fn start() -> Server {
    Server::postgres().unwrap()
}

/// A pool of `connections` to it.
pub(crate) async fn pool(server: &Server, connections: u32) -> PgPool {
    let pool = PgPoolOptions::new().max_connections(connections).acquire_timeout(Duration::from_secs(10));
    pool.connect(server.url()).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn postgres_keeps_its_promises() {
    let server = start();
    let pool = pool(&server, 10).await;
    promises::all(cachescope_sqlx::Postgres::new(pool), true).await;
}
