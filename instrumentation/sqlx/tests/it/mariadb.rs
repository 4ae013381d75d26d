//! A MariaDB server.

use std::time::Duration;

use cachescope_stack::Server;
use sqlx::mysql::{MySqlPool, MySqlPoolOptions};

use crate::promises;

/// One of a test's own, which is stopped when it is dropped.
pub(crate) fn start() -> Server {
    Server::mariadb().unwrap()
}

/// A pool of `connections` to it.
pub(crate) async fn pool(server: &Server, connections: u32) -> MySqlPool {
    let pool = MySqlPoolOptions::new().max_connections(connections).acquire_timeout(Duration::from_secs(10));
    pool.connect(server.url()).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn mariadb_keeps_its_promises() {
    let server = start();
    // Of the connections to come: one of the values is larger than it takes by default.
    let larger = "SET GLOBAL max_allowed_packet = 64 * 1024 * 1024";
    sqlx::query(larger).execute(&pool(&server, 1).await).await.unwrap();
    let pool = pool(&server, 10).await;
    promises::all(cachescope_sqlx::MySql::new(pool), false).await;
}
