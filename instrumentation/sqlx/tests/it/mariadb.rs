//! A MariaDB server.

use std::time::Duration;

use cachescope_core::shared::ByteStore;
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

/// sqlx's connection, dropped between the head of a packet and the rest of it, waits for ever for what has come already.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_dropped_half_way_costs_the_pool_no_connection() {
    let server = start();
    let store = cachescope_sqlx::MySql::new(pool(&server, 1).await);
    store.create_table().await.unwrap();
    let (key, value) = (promises::key("half_way", &1), vec![7; 1 << 20]);
    for waits in 0..40 {
        promises::within(waits, store.put(&key, &value, None, None)).await;
        promises::within(waits, store.get(&key)).await;
        promises::within(waits, store.lease(&key, promises::token(waits + 1), Duration::from_millis(1))).await;
        promises::within(waits, store.sweep(key.scope())).await;
        store.put(&key, &value, None, None).await.unwrap();
        assert!(store.get(&key).await.unwrap().as_ref() == Some(&value), "after {waits} waits");
    }
}
