//! Tests on a MariaDB server.

use std::time::Duration;

use cachescope_core::shared::ByteStore;
use cachescope_harness::Server;
use sqlx::mysql::{MySqlPool, MySqlPoolOptions};

use crate::store_suite;

/// Starts a server for one test. Dropping it stops the server.
pub(crate) fn start() -> Server {
    Server::mariadb().unwrap()
}

/// Returns a pool of `connections` connections to the server.
pub(crate) async fn pool(server: &Server, connections: u32) -> MySqlPool {
    let pool = MySqlPoolOptions::new().max_connections(connections).acquire_timeout(Duration::from_secs(10));
    pool.connect(server.url()).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn mariadb_passes_store_suite() {
    let server = start();
    // Applies to new connections. One of the values is larger than the default allows.
    let larger = "SET GLOBAL max_allowed_packet = 64 * 1024 * 1024";
    sqlx::query(larger).execute(&pool(&server, 1).await).await.unwrap();
    let pool = pool(&server, 10).await;
    store_suite::run_all(cachescope_sqlx::MySql::new(pool), false).await;
}

/// If a future is dropped between the header of a packet and its body, sqlx's connection waits forever for bytes that
/// it has already read.
#[tokio::test(flavor = "multi_thread")]
async fn pool_keeps_working_after_dropped_operations() {
    let server = start();
    let store = cachescope_sqlx::MySql::new(pool(&server, 1).await);
    store.create_table().await.unwrap();
    let (key, value) = (store_suite::key("half_way", &1), vec![7; 1 << 20]);
    for waits in 0..40 {
        store_suite::within(waits, store.put(&key, &value, None, None)).await;
        store_suite::within(waits, store.get(&key)).await;
        store_suite::within(waits, store.lease(&key, store_suite::token(waits + 1), Duration::from_millis(1))).await;
        store_suite::within(waits, store.sweep(key.scope())).await;
        store.put(&key, &value, None, None).await.unwrap();
        assert!(store.get(&key).await.unwrap().as_ref() == Some(&value), "after {waits} waits");
    }
}
