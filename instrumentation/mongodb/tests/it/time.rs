//! Expiry by the server's clock.

use std::time::{Duration, SystemTime};

use cachescope_core::shared::{ByteStore, LeaseResult};
use cachescope_mongodb::mongodb::bson::{DateTime, doc};

use crate::server::{LONG, collection, eventually, key, start, store, token};

/// The server runs on the same machine, so its clock is the local clock.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn expiry_uses_server_clock() {
    let server = start();
    let (collection, store) = (collection(&server).await, store(&server).await);
    let before = DateTime::from_system_time(SystemTime::now());
    store.put(&key(1), b"value", Some(LONG), None).await.unwrap();
    let after = DateTime::from_system_time(SystemTime::now());
    let found = collection.find_one(doc! { "_id": key(1).full_name() }).await.unwrap().unwrap();
    let end = found.get_datetime("expires_at").unwrap().timestamp_millis();
    let hour = i64::try_from(LONG.as_millis()).unwrap();
    // The tolerance is the duration of the put, because the machine may be busy.
    let slack = 2 + after.timestamp_millis() - before.timestamp_millis();
    assert!((before.timestamp_millis() + hour - slack..=after.timestamp_millis() + hour + slack).contains(&end));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn expiry_is_same_for_another_client() {
    let server = start();
    let (one, two) = (store(&server).await, store(&server).await);
    let brief = Duration::from_millis(300);
    one.put(&key(1), b"value", Some(brief), None).await.unwrap();
    one.lease(&key(2), token(), brief).await.unwrap();
    eventually("the expiry of the entry", || async { two.get(&key(1)).await.unwrap().is_none() }).await;
    eventually("the expiry of the lease", || async {
        two.lease(&key(2), token(), LONG).await.unwrap() == LeaseResult::Granted(None)
    })
    .await;
    assert_eq!(one.lease(&key(2), token(), LONG).await.unwrap(), LeaseResult::Held);
}
