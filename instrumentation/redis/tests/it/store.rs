//! Values: stored, read, dropped.

use std::time::Duration;

use cachescope_core::shared::{ByteStore, Leased, Scope};
use cachescope_redis::Redis;
use cachescope_redis::redis::Client;
use cachescope_redis::redis::aio::ConnectionManager;
use futures_util::future::join_all;

use crate::server::{cli, eventually, key, scope, start, token};

const TERM: Duration = Duration::from_secs(60);

#[tokio::test]
async fn bytes_come_back_as_they_were_however_many() {
    let server = start();
    let redis = Redis::connect(server.url()).await.unwrap();
    assert_eq!(redis.get(&key(1)).await.unwrap(), None);
    let large: Vec<u8> = (0..10 << 20).map(|n: u32| (n ^ (n >> 8)) as u8).collect();
    for bytes in [&b""[..], b"\0\r\n\xff", &large] {
        assert!(redis.put(&key(1), bytes, None, None).await.unwrap());
        assert_eq!(redis.get(&key(1)).await.unwrap().as_deref(), Some(bytes));
        // What a lease hands over is the same.
        let Leased::Granted(stored) = redis.lease(&key(1), token(1), TERM).await.unwrap() else { panic!("held") };
        assert_eq!(stored.as_deref(), Some(bytes));
        assert!(redis.put(&key(1), bytes, None, Some(token(1))).await.unwrap());
        assert_eq!(redis.get(&key(1)).await.unwrap().as_deref(), Some(bytes));
    }
    redis.remove(&key(1)).await.unwrap();
    assert_eq!(redis.get(&key(1)).await.unwrap(), None);
    assert_eq!(redis.kind(), "redis");
}

#[tokio::test]
async fn a_connection_of_ones_own_does() {
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
async fn the_server_ends_a_life() {
    let server = start();
    let redis = Redis::connect(server.url()).await.unwrap();
    let name = "{test:cache:1:1}";
    redis.put(&key(1), b"x", Some(Duration::from_secs(1_000)), None).await.unwrap();
    let left: u64 = cli(&server, &["PTTL", name]).parse().unwrap();
    assert!((900_000..=1_000_000).contains(&left), "{left}");

    redis.put(&key(1), b"x", Some(Duration::from_millis(20)), None).await.unwrap();
    eventually("its life ends", || async { redis.get(&key(1)).await.unwrap().is_none() }).await;
    assert_eq!(cli(&server, &["EXISTS", name]), "0");

    for for_ever in [None, Some(Duration::MAX)] {
        redis.put(&key(1), b"x", Some(Duration::from_secs(1_000)), None).await.unwrap();
        redis.put(&key(1), b"x", for_ever, None).await.unwrap();
        assert_eq!(cli(&server, &["PTTL", name]), "-1");
    }
    // The longest that is one.
    redis.put(&key(1), b"x", Some(Duration::from_millis(u64::MAX / 4)), None).await.unwrap();
    assert!(cli(&server, &["PTTL", name]).parse::<u64>().unwrap() > u64::MAX / 8);
}

#[tokio::test]
async fn what_has_no_life_is_over_at_once() {
    let server = start();
    let redis = Redis::connect(server.url()).await.unwrap();
    redis.put(&key(1), b"old", None, None).await.unwrap();
    assert!(redis.put(&key(1), b"new", Some(Duration::ZERO), None).await.unwrap());
    assert_eq!(redis.get(&key(1)).await.unwrap(), None);
    assert_eq!(cli(&server, &["DBSIZE"]), "0");
}

#[tokio::test]
async fn a_scope_is_cleared_alone() {
    let server = start();
    let redis = Redis::connect(server.url()).await.unwrap();
    let mine = Scope::new("test", "cache", 1).unwrap();
    // The beginning of another's name, or with characters that mean something in a pattern.
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

/// Loads that began before the scope was cleared store nothing that outlives it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_loaded_before_a_clear_does_not_survive_it() {
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
async fn a_server_that_forgot_its_scripts_learns_them() {
    let server = start();
    let redis = Redis::connect(server.url()).await.unwrap();
    for n in 0..3 {
        cli(&server, &["SCRIPT", "FLUSH"]);
        assert_eq!(redis.lease(&key(n), token(1), TERM).await.unwrap(), Leased::Granted(None));
        cli(&server, &["SCRIPT", "FLUSH"]);
        assert!(redis.put(&key(n), b"x", None, Some(token(1))).await.unwrap());
        redis.lease(&key(n), token(1), TERM).await.unwrap();
        cli(&server, &["SCRIPT", "FLUSH"]);
        redis.release(&key(n), token(1)).await.unwrap();
        assert_eq!(redis.lease(&key(n), token(2), TERM).await.unwrap(), Leased::Granted(Some(b"x".to_vec())));
    }
}

#[tokio::test]
async fn what_is_printed_tells_no_address() {
    let redis = Redis::open("redis://user:secret@example.com/").unwrap();
    assert_eq!(format!("{redis:?}"), "Redis { listens: true, tells: true, .. }");
    assert!(Redis::open("no address").is_err());
}
