//! Server outages.

use std::time::Duration;

use cachescope_core::shared::{ByteStore, LeaseResult, StoreErrorKind};
use cachescope_mongodb::MongoDb;
use cachescope_mongodb::mongodb::Client;

use crate::server::{LONG, eventually, key, options, scope, start, store, token};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn operations_are_unreachable_during_outage_and_recover() {
    let mut server = start();
    let store = store(&server).await;
    store.put(&key(1), b"value", None, None).await.unwrap();
    server.kill().unwrap();
    let errors = [
        store.get(&key(1)).await.unwrap_err(),
        store.put(&key(1), b"new", None, None).await.unwrap_err(),
        store.put(&key(1), b"new", None, Some(token())).await.unwrap_err(),
        store.lease(&key(1), token(), LONG).await.unwrap_err(),
        store.release(&key(1), token()).await.unwrap_err(),
        store.remove(&key(1)).await.unwrap_err(),
        store.size(&scope("cache")).await.unwrap_err(),
        store.sweep(&scope("cache")).await.unwrap_err(),
        store.clear(&scope("cache")).await.unwrap_err(),
        store.create_index().await.unwrap_err(),
    ];
    for error in errors {
        assert_eq!(error.kind(), StoreErrorKind::Unreachable, "{error:?}");
    }
    server.restart().unwrap();
    eventually("a value that survived", || async { store.get(&key(1)).await.ok().flatten().is_some() }).await;
    assert_eq!(store.lease(&key(1), token(), LONG).await.unwrap(), LeaseResult::Granted(Some(b"value".to_vec())));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn store_works_when_server_starts_later() {
    let mut server = start();
    server.kill().unwrap();
    let store = store(&server).await;
    assert_eq!(store.get(&key(1)).await.unwrap_err().kind(), StoreErrorKind::Unreachable);
    server.restart().unwrap();
    eventually("a value that is stored", || async { store.put(&key(1), b"value", None, None).await.is_ok() }).await;
    assert!(store.get(&key(1)).await.unwrap().is_some());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lost_connections_are_replaced() {
    let server = start();
    let store = store(&server).await;
    for number in 0..20 {
        server.reset_connections();
        // The client retries some operations once, and the retry may fail too.
        eventually("a value that is stored", || async { store.put(&key(number), b"value", None, None).await.is_ok() })
            .await;
        assert!(store.get(&key(number)).await.unwrap().is_some());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn store_recovers_after_server_hang() {
    let mut server = start();
    let store = store(&server).await;
    store.put(&key(1), b"value", None, None).await.unwrap();
    server.pause().unwrap();
    for number in 0..30 {
        let given_up = tokio::time::timeout(Duration::from_millis(20), store.get(&key(number))).await;
        assert!(given_up.is_err());
    }
    server.resume().unwrap();
    assert_eq!(store.get(&key(1)).await.unwrap().as_deref(), Some(&b"value"[..]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn store_is_unreachable_after_client_shutdown() {
    let server = start();
    let client = Client::with_options(options(&server).await).unwrap();
    let store = MongoDb::new(client.database("test").collection("cache"));
    store.put(&key(1), b"value", None, None).await.unwrap();
    client.shutdown().immediate(true).await;
    assert_eq!(store.get(&key(1)).await.unwrap_err().kind(), StoreErrorKind::Unreachable);
}
