//! Outages, full servers, and refused access.

use std::time::Duration;

use cachescope_core::shared::{ByteStore, LeaseResult, StoreErrorKind};
use cachescope_redis::Redis;

use crate::server::{cli, eventually, key, port, start, token};

const TERM: Duration = Duration::from_secs(60);

#[tokio::test]
async fn operations_are_unreachable_during_outage_and_recover() {
    let mut server = start();
    let redis = Redis::connect(server.url()).await.unwrap();
    for round in 0..3 {
        redis.put(&key(1), b"x", None, None).await.unwrap();
        server.kill().unwrap();
        for _ in 0..20 {
            let errors = [
                redis.get(&key(1)).await.unwrap_err(),
                redis.put(&key(1), b"x", None, None).await.unwrap_err(),
                redis.lease(&key(1), token(1), TERM).await.unwrap_err(),
                redis.clear(key(1).scope()).await.unwrap_err(),
            ];
            for error in errors {
                assert_eq!(error.kind(), StoreErrorKind::Unreachable, "round {round}: {error:?}");
            }
        }
        server.restart().unwrap();
        // The first operation connects again. No operation fails before that.
        assert_eq!(redis.lease(&key(1), token(1), TERM).await.unwrap(), LeaseResult::Granted(None));
        assert!(redis.put(&key(1), b"x", None, Some(token(1))).await.unwrap());
    }
}

#[tokio::test]
async fn store_works_when_server_starts_later() {
    let mut server = start();
    server.kill().unwrap();
    assert_eq!(Redis::connect(server.url()).await.unwrap_err().kind(), StoreErrorKind::Unreachable);
    let redis = Redis::open(server.url()).unwrap();
    assert_eq!(redis.get(&key(1)).await.unwrap_err().kind(), StoreErrorKind::Unreachable);
    assert!(redis.listen(key(1).scope()).await.is_err());
    server.restart().unwrap();
    assert_eq!(redis.get(&key(1)).await.unwrap(), None);
    assert!(redis.listen(key(1).scope()).await.unwrap().is_some());
}

#[tokio::test]
async fn put_is_full_when_server_memory_is_exhausted() {
    let server = start();
    cli(&server, &["CONFIG", "SET", "maxmemory-policy", "noeviction"]);
    let redis = Redis::connect(server.url()).await.unwrap();
    redis.put(&key(1), b"old", None, None).await.unwrap();
    redis.lease(&key(1), token(1), TERM).await.unwrap();
    cli(&server, &["CONFIG", "SET", "maxmemory", "1"]);
    let error = redis.put(&key(1), b"new", None, Some(token(1))).await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Full, "{error:?}");
    assert_eq!(redis.put(&key(2), b"new", None, None).await.unwrap_err().kind(), StoreErrorKind::Full);
    assert_eq!(redis.get(&key(1)).await.unwrap().as_deref(), Some(&b"old"[..]));
    cli(&server, &["CONFIG", "SET", "maxmemory", "0"]);
    // The put was atomic: the lease is still held.
    assert!(redis.put(&key(1), b"new", None, Some(token(1))).await.unwrap());
}

#[tokio::test]
async fn access_is_refused_without_right_password_or_permission() {
    let server = start();
    cli(&server, &["CONFIG", "SET", "requirepass", "right"]);
    let url = |password| format!("redis://:{password}@{}/", server.address());
    assert_eq!(Redis::connect(server.url()).await.unwrap_err().kind(), StoreErrorKind::Refused);
    let error = Redis::connect(url("wrong")).await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Refused, "{error:?}");
    assert!(!error.to_string().contains("wrong"));

    // The server's password changes to the one that was wrong before.
    let redis = Redis::open(url("later")).unwrap();
    assert_eq!(redis.get(&key(1)).await.unwrap_err().kind(), StoreErrorKind::Refused);
    cli(&server, &["-a", "right", "--no-auth-warning", "CONFIG", "SET", "requirepass", "later"]);
    assert_eq!(redis.get(&key(1)).await.unwrap(), None);

    let may_read = ["ACL", "SETUSER", "reader", "on", ">secret", "~*", "+get", "+ping"];
    cli(&server, &[&["-a", "later", "--no-auth-warning"][..], &may_read].concat());
    let redis = Redis::connect(format!("redis://reader:secret@{}/", server.address())).await.unwrap();
    assert_eq!(redis.get(&key(1)).await.unwrap(), None);
    assert_eq!(redis.put(&key(1), b"x", None, None).await.unwrap_err().kind(), StoreErrorKind::Refused);
}

/// After a failover, the address may lead to another server, while the connection to the old server is still open.
#[tokio::test]
async fn connection_to_demoted_master_is_replaced() {
    let (server, other) = (start(), start());
    let redis = Redis::connect(server.url()).await.unwrap();
    redis.put(&key(1), b"x", None, None).await.unwrap();
    let clients = || cli(&server, &["CLIENT", "LIST"]).lines().filter(|line| line.contains("lib-name=redis")).count();
    let before = clients();
    cli(&server, &["REPLICAOF", "127.0.0.1", &port(&other)]);
    eventually("writes are refused", || async {
        let error = redis.put(&key(1), b"y", None, None).await.err();
        error.is_some_and(|error| error.kind() == StoreErrorKind::Refused)
    })
    .await;
    cli(&server, &["REPLICAOF", "NO", "ONE"]);
    redis.put(&key(1), b"z", None, None).await.unwrap();
    assert_eq!(clients(), before, "one connection was replaced by another");
}

#[test]
fn operation_fails_without_runtime() {
    let redis = Redis::open("redis://127.0.0.1:1/").unwrap();
    let error = futures_util::FutureExt::now_or_never(redis.get(&key(1))).unwrap().unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Other);
}
