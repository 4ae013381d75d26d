//! Operations that are dropped before they complete.

use std::time::Duration;

use cachescope_core::shared::ByteStore;
use cachescope_redis::Redis;
use cachescope_redis::bb8_redis::{RedisConnectionManager, bb8};
use cachescope_redis::deadpool_redis::{Config, Runtime};
use cachescope_redis::redis::Client;
use futures_util::FutureExt;
use tokio::time::timeout;

use crate::server::{key, start, start_cluster, token};

/// Each key stores its own number. A read that returns another number got the reply of another command.
async fn assert_replies_match_requests(redis: Redis) {
    const KEYS: u64 = 50;
    for n in 0..KEYS {
        redis.put(&key(n), &n.to_be_bytes(), None, None).await.unwrap();
    }
    for round in 0..400_u64 {
        let (n, other) = (round % KEYS, (round * 7) % KEYS);
        // Polled once, so that the command is sent or waits for a connection. In odd rounds, dropped a moment later.
        let lease = async { redis.lease(&key(n), token(round + 1), Duration::from_secs(60)).await.map(drop) };
        if round % 2 == 0 {
            let _ = redis.get(&key(n)).now_or_never();
            let _ = lease.now_or_never();
        } else {
            let moment = Duration::from_micros(round);
            let _ = timeout(moment, redis.get(&key(n))).await;
            let _ = timeout(moment, lease).await;
        }
        let stored = redis.get(&key(other)).await.unwrap();
        assert_eq!(stored.as_deref(), Some(&other.to_be_bytes()[..]), "round {round}");
    }
}

#[tokio::test]
async fn dropped_commands_keep_replies_in_order_on_connection() {
    let server = start();
    assert_replies_match_requests(Redis::connect(server.url()).await.unwrap()).await;
    let client = Client::open(server.url()).unwrap();
    assert_replies_match_requests(Redis::new(client.get_multiplexed_async_connection().await.unwrap())).await;
}

#[tokio::test]
async fn dropped_commands_keep_replies_in_order_on_cluster() {
    let cluster = start_cluster();
    assert_replies_match_requests(Redis::connect_cluster(cluster.urls()).await.unwrap()).await;
}

#[tokio::test]
async fn dropped_commands_keep_replies_in_order_in_pool() {
    let server = start();
    let manager = RedisConnectionManager::new(server.url()).unwrap();
    let pool = bb8::Pool::builder().max_size(1).build(manager).await.unwrap();
    assert_replies_match_requests(Redis::pool(pool.clone())).await;
    assert_eq!(pool.state().connections, 1);

    let pool = Config::from_url(server.url()).builder().unwrap().max_size(1).runtime(Runtime::Tokio1).build().unwrap();
    assert_replies_match_requests(Redis::pool(pool.clone())).await;
    assert_eq!((pool.status().size, pool.status().available), (1, 1));
}

/// Replies that arrive after their operation timed out are discarded.
#[tokio::test]
async fn late_replies_are_discarded_after_server_hang() {
    let mut server = start();
    let redis = Redis::connect(server.url()).await.unwrap();
    redis.put(&key(1), b"one", None, None).await.unwrap();
    redis.put(&key(2), b"two", None, None).await.unwrap();
    server.pause().unwrap();
    for _ in 0..20 {
        assert!(timeout(Duration::from_millis(5), redis.get(&key(1))).await.is_err());
    }
    server.resume().unwrap();
    assert_eq!(redis.get(&key(2)).await.unwrap().as_deref(), Some(&b"two"[..]));
}
