//! Server outages.

use std::process::Command;
use std::time::Duration;

use cachescope_core::shared::{ByteStore, Invalidation, StoreErrorKind};
use cachescope_harness::Server;
use cachescope_sqlx::{MySql, Postgres, SqlStore, StoreDatabase};
use tokio::time::timeout;

use crate::store_suite::{eventually, key, scope, token};
use crate::{mariadb, postgres};

#[tokio::test(flavor = "multi_thread")]
async fn postgres_store_recovers_after_outage() {
    let mut server = postgres::start();
    let store = Postgres::new(postgres::pool(&server, 3).await);
    store.create_table().await.unwrap();
    let mut stream = store.listen(&scope("outage")).await.unwrap().unwrap();
    outage(&mut server, store.clone()).await;
    // The stream reports an error, because invalidations may have been missed.
    assert_eq!(stream.next().await.unwrap_err().kind(), StoreErrorKind::Unreachable);
    assert!(stream.next().await.is_err(), "the stream has ended");
    assert!(store.listen(&scope("outage")).await.unwrap().is_some());
}

/// The server neither sends a notification nor closes the connection.
#[tokio::test(flavor = "multi_thread")]
async fn listener_times_out_when_server_hangs() {
    let server = postgres::start();
    let pool = postgres::pool(&server, 2).await;
    let store = Postgres::new(pool.clone());
    let scope = scope("silence");
    let mut stream = store.listen(&scope).await.unwrap().unwrap();
    let listener = "SELECT pid FROM pg_stat_activity WHERE query LIKE 'LISTEN%'";
    let pid = sqlx::query_scalar::<_, i32>(listener).fetch_one(&pool).await.unwrap().to_string();
    // The stream survives silence, and the check loses no invalidation.
    assert!(timeout(Duration::from_secs(12), stream.next()).await.is_err());
    store.announce(&scope, &Invalidation::All).await.unwrap();
    assert_eq!(stream.next().await.unwrap(), Invalidation::All);

    let signal = |name: &str| {
        let sent = Command::new("kill").args([name, pid.as_str()]).status().unwrap();
        assert!(sent.success(), "kill {name} {pid}");
    };
    signal("-STOP");
    let ended = timeout(Duration::from_secs(60), stream.next()).await;
    signal("-CONT");
    assert_eq!(ended.expect("the stream ends with an error").unwrap_err().kind(), StoreErrorKind::Timeout);
}

#[tokio::test(flavor = "multi_thread")]
async fn mariadb_store_recovers_after_outage() {
    let mut server = mariadb::start();
    let store = MySql::new(mariadb::pool(&server, 3).await);
    store.create_table().await.unwrap();
    outage(&mut server, store).await;
}

async fn outage<DB: StoreDatabase>(server: &mut Server, store: SqlStore<DB>) {
    let key = key("outage", &1);
    store.put(&key, b"before", None, None).await.unwrap();
    let loading = {
        let (store, key) = (store.clone(), key.clone());
        // One task keeps using the store during the outage.
        tokio::spawn(async move {
            let mut failed = 0;
            loop {
                let lease = timeout(Duration::from_millis(500), store.lease(&key, token(1), Duration::from_secs(9)));
                match lease.await {
                    Ok(Ok(_)) if failed > 0 => return,
                    Ok(Ok(_)) => {}
                    _ => failed += 1,
                }
            }
        })
    };
    server.kill().unwrap();
    let gone = timeout(Duration::from_secs(2), store.get(&key)).await;
    if let Ok(gone) = gone {
        assert_eq!(gone.unwrap_err().kind(), StoreErrorKind::Unreachable);
    }
    server.restart().unwrap();
    eventually("the store works again", async || {
        timeout(Duration::from_secs(2), store.get(&key)).await.is_ok_and(|there| there.is_ok())
    })
    .await;
    assert!(store.put(&key, b"after", None, None).await.unwrap());
    assert_eq!(store.get(&key).await.unwrap().unwrap(), b"after");
    timeout(Duration::from_secs(60), loading).await.expect("the task's leases succeed again").unwrap();
}
