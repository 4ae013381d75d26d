//! Names and values at their limits.

use std::error::Error;

use cachescope_core::shared::{ByteStore, LeaseResult, StoreErrorKind};

use crate::server::{LONG, scope, start, store, token};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn largest_value_is_stored_and_larger_value_is_refused() {
    let server = start();
    let store = store(&server).await;
    let key = scope("cache").key("a key with $ and . in it").unwrap();
    let limit = (16 << 20) - (16 << 10);
    let largest = vec![7; limit];
    assert!(store.put(&key, &largest, Some(LONG), None).await.unwrap());
    assert!(store.get(&key).await.unwrap() == Some(largest.clone()));
    let mine = token();
    assert!(store.lease(&key, mine, LONG).await.unwrap() == LeaseResult::Granted(Some(largest)));

    let error = store.put(&key, &vec![7; limit + 1], None, Some(mine)).await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Full);
    assert!(error.source().unwrap().to_string().contains("16760833 bytes"), "{:?}", error.source());
    assert!(store.put(&key, b"small", None, Some(mine)).await.unwrap());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn debug_output_shows_only_collection() {
    let server = start();
    let store = store(&server).await;
    assert_eq!(format!("{store:?}"), "MongoDb { collection: \"test.cache\" }");
}
