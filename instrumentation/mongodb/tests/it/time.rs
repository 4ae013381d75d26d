//! Whose clock decides.

use std::time::{Duration, SystemTime};

use cachescope_core::shared::{ByteStore, Leased};
use cachescope_mongodb::mongodb::bson::{DateTime, doc};

use crate::server::{LONG, collection, eventually, key, start, store, token};

/// The server is on the same machine, so what it calls now is what we do.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ends_are_by_the_server_s_clock() {
    let server = start();
    let (collection, store) = (collection(&server).await, store(&server).await);
    let before = DateTime::from_system_time(SystemTime::now());
    store.put(&key(1), b"value", Some(LONG), None).await.unwrap();
    let after = DateTime::from_system_time(SystemTime::now());
    let found = collection.find_one(doc! { "_id": key(1).whole() }).await.unwrap().unwrap();
    let end = found.get_datetime("expires_at").unwrap().timestamp_millis();
    let hour = i64::try_from(LONG.as_millis()).unwrap();
    // Less than what the round trip took; the test of a busy machine is no tighter than that.
    let slack = 2 + after.timestamp_millis() - before.timestamp_millis();
    assert!((before.timestamp_millis() + hour - slack..=after.timestamp_millis() + hour + slack).contains(&end));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_client_sees_the_same_ends() {
    let server = start();
    let (one, two) = (store(&server).await, store(&server).await);
    let brief = Duration::from_millis(300);
    one.put(&key(1), b"value", Some(brief), None).await.unwrap();
    one.lease(&key(2), token(), brief).await.unwrap();
    eventually("the end of a life", || async { two.get(&key(1)).await.unwrap().is_none() }).await;
    eventually("the end of a lease", || async {
        two.lease(&key(2), token(), LONG).await.unwrap() == Leased::Granted(None)
    })
    .await;
    assert_eq!(one.lease(&key(2), token(), LONG).await.unwrap(), Leased::Held);
}
