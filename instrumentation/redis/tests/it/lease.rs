//! Leases, and puts fenced by them.

use std::sync::Arc;
use std::time::Duration;

use cachescope_core::shared::{ByteStore, LeaseResult};
use cachescope_redis::Redis;
use tokio::sync::Barrier;

use crate::server::{cli, eventually, key, start, token};

const TERM: Duration = Duration::from_secs(60);

#[tokio::test]
async fn lease_is_exclusive_until_released() {
    let server = start();
    let redis = Redis::connect(server.url()).await.unwrap();
    assert_eq!(redis.lease(&key(1), token(1), TERM).await.unwrap(), LeaseResult::Granted(None));
    assert_eq!(redis.lease(&key(1), token(2), TERM).await.unwrap(), LeaseResult::Held);
    assert_eq!(redis.lease(&key(2), token(2), TERM).await.unwrap(), LeaseResult::Granted(None));
    // The holder renews the lease with a new term.
    assert_eq!(redis.lease(&key(1), token(1), 2 * TERM).await.unwrap(), LeaseResult::Granted(None));
    let left: u64 = cli(&server, &["PTTL", "{test:cache:1:1}!lease"]).parse().unwrap();
    assert!((61_000..=120_000).contains(&left), "{left}");

    redis.release(&key(1), token(2)).await.unwrap();
    assert_eq!(redis.lease(&key(1), token(2), TERM).await.unwrap(), LeaseResult::Held);
    redis.release(&key(1), token(1)).await.unwrap();
    assert_eq!(redis.lease(&key(1), token(2), TERM).await.unwrap(), LeaseResult::Granted(None));
}

#[tokio::test]
async fn lease_expires_by_servers_clock() {
    let server = start();
    let redis = Redis::connect(server.url()).await.unwrap();
    redis.lease(&key(1), token(1), Duration::from_millis(20)).await.unwrap();
    let other = || async { redis.lease(&key(1), token(2), TERM).await.unwrap() != LeaseResult::Held };
    eventually("the term ends", other).await;
    assert!(!redis.put(&key(1), b"late", None, Some(token(1))).await.unwrap());
    assert_eq!(redis.get(&key(1)).await.unwrap(), None);
    redis.release(&key(1), token(1)).await.unwrap();
    assert!(redis.put(&key(1), b"in time", None, Some(token(2))).await.unwrap());
    assert!(!redis.put(&key(1), b"twice", None, Some(token(2))).await.unwrap());
    assert_eq!(redis.get(&key(1)).await.unwrap().as_deref(), Some(&b"in time"[..]));
}

#[tokio::test]
async fn put_is_refused_after_lease_ended() {
    let server = start();
    let redis = Redis::connect(server.url()).await.unwrap();
    for way in ["put", "remove", "release", "clear", "evicted"] {
        redis.put(&key(1), b"old", None, None).await.unwrap();
        let granted = redis.lease(&key(1), token(1), TERM).await.unwrap();
        assert_eq!(granted, LeaseResult::Granted(Some(b"old".to_vec())));
        match way {
            "put" => assert!(redis.put(&key(1), b"other", None, None).await.unwrap()),
            "remove" => redis.remove(&key(1)).await.unwrap(),
            "release" => redis.release(&key(1), token(1)).await.unwrap(),
            "clear" => redis.clear(key(1).scope()).await.unwrap(),
            _ => drop(cli(&server, &["DEL", "{test:cache:1:1}!lease"])),
        }
        assert!(!redis.put(&key(1), b"late", None, Some(token(1))).await.unwrap(), "{way}");
        assert_ne!(redis.get(&key(1)).await.unwrap().as_deref(), Some(&b"late"[..]), "{way}");
        assert_ne!(redis.lease(&key(1), token(2), TERM).await.unwrap(), LeaseResult::Held, "{way}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn concurrent_leases_are_granted_once() {
    let server = start();
    let redis = Redis::connect(server.url()).await.unwrap();
    let start = Arc::new(Barrier::new(50));
    for round in 0..20 {
        let tasks: Vec<_> = (1..=50)
            .map(|n| {
                let (redis, start) = (redis.clone(), Arc::clone(&start));
                tokio::spawn(async move {
                    start.wait().await;
                    let granted = redis.lease(&key(round), token(n), TERM).await.unwrap() != LeaseResult::Held;
                    (granted, redis.put(&key(round), &n.to_be_bytes(), None, Some(token(n))).await.unwrap(), n)
                })
            })
            .collect();
        let mut winners = Vec::new();
        for task in tasks {
            let (granted, stored, n) = task.await.unwrap();
            assert_eq!(granted, stored, "{n} in round {round}");
            winners.extend(granted.then_some(n));
        }
        // Each put ends its lease, so the next task may get the lease.
        assert!(!winners.is_empty());
        let stored = redis.get(&key(round)).await.unwrap().unwrap();
        assert!(winners.iter().any(|n| n.to_be_bytes() == stored[..]), "round {round}");
    }
    for round in 20..40 {
        let tasks: Vec<_> = (1..=50)
            .map(|n| {
                let (redis, start) = (redis.clone(), Arc::clone(&start));
                tokio::spawn(async move {
                    start.wait().await;
                    redis.lease(&key(round), token(n), TERM).await.unwrap() != LeaseResult::Held
                })
            })
            .collect();
        let mut granted = 0;
        for task in tasks {
            granted += u64::from(task.await.unwrap());
        }
        assert_eq!(granted, 1, "round {round}");
    }
}
