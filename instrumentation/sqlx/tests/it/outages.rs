//! Servers that go away and come back.

use std::process::Command;
use std::time::Duration;

use cachescope_core::shared::{ByteStore, Notice, StoreErrorKind};
use cachescope_sqlx::{Dialect, MySql, Postgres, Sql};
use cachescope_stack::Server;
use tokio::time::timeout;

use crate::promises::{eventually, key, scope, token};
use crate::{mariadb, postgres};

#[tokio::test(flavor = "multi_thread")]
async fn postgres_comes_back() {
    let mut server = postgres::start();
    let store = Postgres::new(postgres::pool(&server, 3).await);
    store.create_table().await.unwrap();
    let mut heard = store.listen(&scope("outage")).await.unwrap().unwrap();
    outage(&mut server, store.clone()).await;
    // Something may have been missed, and whoever listened is told so.
    assert_eq!(heard.next().await.unwrap_err().kind(), StoreErrorKind::Unreachable);
    assert!(heard.next().await.is_err(), "it is over");
    assert!(store.listen(&scope("outage")).await.unwrap().is_some());
}

/// Neither a notice nor the connection's end: silence.
#[tokio::test(flavor = "multi_thread")]
async fn a_listener_notices_that_it_hears_nothing_any_more() {
    let server = postgres::start();
    let pool = postgres::pool(&server, 2).await;
    let store = Postgres::new(pool.clone());
    let scope = scope("silence");
    let mut heard = store.listen(&scope).await.unwrap().unwrap();
    let listener = "SELECT pid FROM pg_stat_activity WHERE query LIKE 'LISTEN%'";
    let pid = sqlx::query_scalar::<_, i32>(listener).fetch_one(&pool).await.unwrap().to_string();
    // It lives through silence as such, and misses nothing over being asked.
    assert!(timeout(Duration::from_secs(12), heard.next()).await.is_err());
    store.announce(&scope, &Notice::All).await.unwrap();
    assert_eq!(heard.next().await.unwrap(), Notice::All);

    let signal = |name: &str| {
        let sent = Command::new("kill").args([name, pid.as_str()]).status().unwrap();
        assert!(sent.success(), "kill {name} {pid}");
    };
    signal("-STOP");
    let ended = timeout(Duration::from_secs(60), heard.next()).await;
    signal("-CONT");
    assert_eq!(ended.expect("it gives up").unwrap_err().kind(), StoreErrorKind::Timeout);
}

#[tokio::test(flavor = "multi_thread")]
async fn mariadb_comes_back() {
    let mut server = mariadb::start();
    let store = MySql::new(mariadb::pool(&server, 3).await);
    store.create_table().await.unwrap();
    outage(&mut server, store).await;
}

async fn outage<DB: Dialect>(server: &mut Server, store: Sql<DB>) {
    let key = key("outage", &1);
    store.put(&key, b"before", None, None).await.unwrap();
    let loading = {
        let (store, key) = (store.clone(), key.clone());
        // Somebody is always at it.
        tokio::spawn(async move {
            let mut failed = 0;
            loop {
                let asked = timeout(Duration::from_millis(500), store.lease(&key, token(1), Duration::from_secs(9)));
                match asked.await {
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
    timeout(Duration::from_secs(60), loading).await.expect("it fares well again, too").unwrap();
}
