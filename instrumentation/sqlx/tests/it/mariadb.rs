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
    patient_pool(server, connections, Duration::from_secs(10)).await
}

/// The same that waits so long for a connection.
async fn patient_pool(server: &Server, connections: u32, patience: Duration) -> MySqlPool {
    let pool = MySqlPoolOptions::new().max_connections(connections).acquire_timeout(patience);
    pool.connect(server.url()).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn mariadb_keeps_its_promises() {
    let server = start();
    // Of the connections to come: one of the values is larger than it takes by default.
    let larger = "SET GLOBAL max_allowed_packet = 64 * 1024 * 1024";
    sqlx::query(larger).execute(&pool(&server, 1).await).await.unwrap();
    // It bounds a failure: what is dropped half-way holds a connection, and the row it writes, until the server's disk
    // has it.
    let pool = patient_pool(&server, 10, Duration::from_secs(60)).await;
    promises::all(cachescope_sqlx::MySql::new(pool), false).await;
}
