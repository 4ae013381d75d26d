//! Values: put, get, remove and clear.

use std::time::Duration;

use cachescope_core::shared::{ByteStore, LeaseResult, Scope};
use cachescope_redis::Redis;
use cachescope_redis::redis::Client;
use cachescope_redis::redis::aio::ConnectionManager;
use futures_util::future::join_all;

use crate::server::{cli, eventually, key, scope, start, token};

const TERM: Duration = Duration::from_secs(60);

#[tokio::test]
async fn values_of_any_size_are_read_unchanged() {
    let server = start();
    let redis = Redis::connect(server.url()).await.unwrap();
    assert_eq!(redis.get(&key(1)).await.unwrap(), None);
    let large: Vec<u8> = (0..10 << 20).map(|n: u32| (n ^ (n >> 8)) as u8).collect();
    for bytes in [&b""[..], b"\0\r\n\xff", &large] {
        assert!(redis.put(&key(1), bytes, None, None).await.unwrap());
        assert_eq!(redis.get(&key(1)).await.unwrap().as_deref(), Some(bytes));
        // A lease returns the same value.
        let LeaseResult::Granted(stored) = redis.lease(&key(1), token(1), TERM).await.unwrap() else { panic!("held") };
        assert_eq!(stored.as_deref(), Some(bytes));
        assert!(redis.put(&key(1), bytes, None, Some(token(1))).await.unwrap());
        assert_eq!(redis.get(&key(1)).await.unwrap().as_deref(), Some(bytes));
    }
    redis.remove(&key(1)).await.unwrap();
    assert_eq!(redis.get(&key(1)).await.unwrap(), None);
    assert_eq!(redis.kind(), "redis");
}

#[tokio::test]
async fn store_works_on_users_connection() {
    let server = start();
    let client = Client::open(server.url()).unwrap();
    let multiplexed = client.get_multiplexed_async_connection().await.unwrap();
    let managed = ConnectionManager::new(client).await.unwrap();
    let (one, other) = (Redis::new(multiplexed), Redis::new(managed));
    assert!(one.put(&key(1), b"one", None, None).await.unwrap());
    assert_eq!(other.get(&key(1)).await.unwrap().as_deref(), Some(&b"one"[..]));
    assert!(other.listen(&scope()).await.unwrap().is_none());
}

#[tokio::test]
async fn server_expires_entry_by_ttl() {
    let server = start();
    let redis = Redis::connect(server.url()).await.unwrap();
    let name = "{test:cache:1:1}";
    redis.put(&key(1), b"x", Some(Duration::from_secs(1_000)), None).await.unwrap();
    let left: u64 = cli(&server, &["PTTL", name]).parse().unwrap();
    assert!((900_000..=1_000_000).contains(&left), "{left}");

    redis.put(&key(1), b"x", Some(Duration::from_millis(20)), None).await.unwrap();
    eventually("the entry expires", || async { redis.get(&key(1)).await.unwrap().is_none() }).await;
    assert_eq!(cli(&server, &["EXISTS", name]), "0");

    for unlimited in [None, Some(Duration::MAX)] {
        redis.put(&key(1), b"x", Some(Duration::from_secs(1_000)), None).await.unwrap();
        redis.put(&key(1), b"x", unlimited, None).await.unwrap();
        assert_eq!(cli(&server, &["PTTL", name]), "-1");
    }
    // The longest limited TTL.
    redis.put(&key(1), b"x", Some(Duration::from_millis(u64::MAX / 4)), None).await.unwrap();
    assert!(cli(&server, &["PTTL", name]).parse::<u64>().unwrap() > u64::MAX / 8);
}

#[tokio::test]
async fn entry_with_zero_ttl_expires_immediately() {
    let server = start();
    let redis = Redis::connect(server.url()).await.unwrap();
    redis.put(&key(1), b"old", None, None).await.unwrap();
    assert!(redis.put(&key(1), b"new", Some(Duration::ZERO), None).await.unwrap());
    assert_eq!(redis.get(&key(1)).await.unwrap(), None);
    assert_eq!(cli(&server, &["DBSIZE"]), "0");
}

#[tokio::test]
async fn clear_removes_only_its_scope() {
    let server = start();
    let redis = Redis::connect(server.url()).await.unwrap();
    let mine = Scope::new("test", "cache", 1).unwrap();
    // Scopes whose names are prefixes of the scope or contain pattern characters.
    let others: Vec<Scope> = [("test", "cache", 11), ("test", "cach", 1), ("tes", "cache", 1), ("te*t", "c?che", 1)]
        .map(|(namespace, cache, version)| Scope::new(namespace, cache, version).unwrap())
        .into();
    for n in 0..2_500 {
        redis.put(&mine.key(&n).unwrap(), b"x", None, None).await.unwrap();
    }
    redis.put(&mine.key("{a}*").unwrap(), b"x", None, None).await.unwrap();
    for other in &others {
        redis.put(&other.key(&1).unwrap(), b"x", None, None).await.unwrap();
        redis.lease(&other.key(&1).unwrap(), token(1), TERM).await.unwrap();
    }
    cli(&server, &["SET", "test:cache:1:1", "not ours"]);
    redis.lease(&mine.key(&1).unwrap(), token(1), TERM).await.unwrap();
    redis.lease(&mine.key("no entry").unwrap(), token(1), TERM).await.unwrap();

    redis.clear(&mine).await.unwrap();
    assert_eq!(redis.size(&mine).await.unwrap().entries, Some(0));
    assert_eq!(cli(&server, &["DBSIZE"]), "9", "{}", cli(&server, &["KEYS", "*"]));
    assert!(!redis.put(&mine.key(&1).unwrap(), b"x", None, Some(token(1))).await.unwrap());
    assert!(!redis.put(&mine.key("no entry").unwrap(), b"x", None, Some(token(1))).await.unwrap());
    for other in &others {
        assert!(redis.get(&other.key(&1).unwrap()).await.unwrap().is_some(), "{other:?}");
        assert!(redis.put(&other.key(&1).unwrap(), b"x", None, Some(token(1))).await.unwrap(), "{other:?}");
    }
}

/// A load that began before the clear must not store a value that survives the clear.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn value_loaded_before_clear_does_not_survive_it() {
    let server = start();
    let redis = Redis::connect(server.url()).await.unwrap();
    for round in 0..5 {
        let lease = |n| {
            let redis = &redis;
            async move { redis.lease(&key(n), token(n), TERM).await.unwrap() }
        };
        join_all((0..3_000).map(lease)).await;
        let clears = tokio::spawn({
            let redis = redis.clone();
            async move { redis.clear(&scope()).await }
        });
        let mut stored = 0;
        for n in 0..3_000 {
            stored += u64::from(redis.put(&key(n), b"old", None, Some(token(n))).await.unwrap());
        }
        clears.await.unwrap().unwrap();
        assert_eq!(cli(&server, &["DBSIZE"]), "0", "in round {round}, {stored} were stored in time");
    }
}

#[tokio::test]
async fn scripts_are_sent_again_after_flush() {
    let server = start();
    let redis = Redis::connect(server.url()).await.unwrap();
    for n in 0..3 {
        cli(&server, &["SCRIPT", "FLUSH"]);
        assert_eq!(redis.lease(&key(n), token(1), TERM).await.unwrap(), LeaseResult::Granted(None));
        cli(&server, &["SCRIPT", "FLUSH"]);
        assert!(redis.put(&key(n), b"x", None, Some(token(1))).await.unwrap());
        redis.lease(&key(n), token(1), TERM).await.unwrap();
        cli(&server, &["SCRIPT", "FLUSH"]);
        redis.release(&key(n), token(1)).await.unwrap();
        assert_eq!(redis.lease(&key(n), token(2), TERM).await.unwrap(), LeaseResult::Granted(Some(b"x".to_vec())));
    }
}

#[tokio::test]
async fn debug_output_contains_no_address() {
    let redis = Redis::open("redis://user:secret@example.com/").unwrap();
    assert_eq!(format!("{redis:?}"), "Redis { listens: true, instrumented: true, .. }");
    assert!(Redis::open("no address").is_err());
}
