//! Behaviour that differs between pools and single connections.

use std::time::Duration;

use cachescope_core::shared::{ByteStore, StoreErrorKind};
use cachescope_redis::Redis;
use cachescope_redis::bb8_redis::{RedisConnectionManager, bb8};
use cachescope_redis::deadpool_redis::{Config, Runtime};

use crate::server::{eventually, key, start};

const WAIT: Duration = Duration::from_millis(50);

#[tokio::test]
async fn bb8_errors_map_to_store_error_kinds() {
    let mut server = start();
    let manager = RedisConnectionManager::new(server.url()).unwrap();
    let pool = bb8::Pool::builder().max_size(1).connection_timeout(WAIT).build(manager).await.unwrap();
    let redis = Redis::pool(pool.clone());
    redis.put(&key(1), b"x", None, None).await.unwrap();
    let taken = pool.get().await.unwrap();
    assert_eq!(redis.get(&key(1)).await.unwrap_err().kind(), StoreErrorKind::Timeout);
    drop(taken);
    assert!(redis.get(&key(1)).await.unwrap().is_some());
    server.kill().unwrap();
    // bb8 retries until its time limit, and doesn't report the cause.
    let error = redis.get(&key(1)).await.unwrap_err().kind();
    assert!(matches!(error, StoreErrorKind::Timeout | StoreErrorKind::Unreachable), "{error:?}");
    server.restart().unwrap();
    eventually("it works again", || async { redis.get(&key(1)).await.is_ok() }).await;
}

#[tokio::test]
async fn deadpool_errors_map_to_store_error_kinds() {
    let mut server = start();
    let pool = Config::from_url(server.url()).builder().unwrap().max_size(1).wait_timeout(Some(WAIT));
    let pool = pool.runtime(Runtime::Tokio1).build().unwrap();
    let redis = Redis::pool(pool.clone());
    redis.put(&key(1), b"x", None, None).await.unwrap();
    let taken = pool.get().await.unwrap();
    assert_eq!(redis.get(&key(1)).await.unwrap_err().kind(), StoreErrorKind::Timeout);
    drop(taken);
    server.kill().unwrap();
    assert_eq!(redis.get(&key(1)).await.unwrap_err().kind(), StoreErrorKind::Unreachable);
    server.restart().unwrap();
    assert_eq!(redis.get(&key(1)).await.unwrap(), None);
    pool.close();
    assert_eq!(redis.get(&key(1)).await.unwrap_err().kind(), StoreErrorKind::Unreachable);
}
