//! Invalidations: publishing, receiving, and lost connections.

use std::time::Duration;

use cachescope_core::shared::{ByteStore, Invalidation, Scope, StoreErrorKind};
use cachescope_redis::Redis;
use cachescope_redis::redis::Client;
use tokio::time::timeout;

use crate::server::{TIMEOUT, cli, scope, start};

#[tokio::test]
async fn subscriber_receives_invalidations_of_scope_in_order() {
    let server = start();
    let (one, two) = (Redis::connect(server.url()).await.unwrap(), Redis::connect(server.url()).await.unwrap());
    let mut stream = one.listen(&scope()).await.unwrap().unwrap();
    let mut also = two.listen(&scope()).await.unwrap().unwrap();
    two.announce(&Scope::new("test", "cache", 2).unwrap(), &Invalidation::All).await.unwrap();
    let notices: Vec<Invalidation> =
        (0..100).map(|n| Invalidation::Key(format!("\"{n}%20\""))).chain([Invalidation::All]).collect();
    for notice in &notices {
        two.announce(&scope(), notice).await.unwrap();
    }
    for notice in &notices {
        assert_eq!(timeout(TIMEOUT, stream.next()).await.unwrap().unwrap(), *notice);
        assert_eq!(timeout(TIMEOUT, also.next()).await.unwrap().unwrap(), *notice);
    }
    // A wait may be dropped and started again.
    for _ in 0..10 {
        assert!(timeout(Duration::from_millis(2), stream.next()).await.is_err());
    }
    one.announce(&scope(), &Invalidation::All).await.unwrap();
    assert_eq!(timeout(TIMEOUT, stream.next()).await.unwrap().unwrap(), Invalidation::All);

    drop((stream, also));
    crate::server::eventually("no subscriptions are left", || async {
        cli(&server, &["PUBSUB", "CHANNELS"]).is_empty()
    })
    .await;
}

#[tokio::test]
async fn subscriber_gets_error_when_server_dies() {
    let mut server = start();
    let redis = Redis::connect(server.url()).await.unwrap();
    let mut stream = redis.listen(&scope()).await.unwrap().unwrap();
    server.kill().unwrap();
    let error = timeout(TIMEOUT, stream.next()).await.unwrap().unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Unreachable);
    assert!(redis.announce(&scope(), &Invalidation::All).await.is_err());
    server.restart().unwrap();
    let mut stream = redis.listen(&scope()).await.unwrap().unwrap();
    redis.announce(&scope(), &Invalidation::All).await.unwrap();
    assert_eq!(timeout(TIMEOUT, stream.next()).await.unwrap().unwrap(), Invalidation::All);
}

#[tokio::test]
async fn store_on_connection_listens_only_with_client() {
    let server = start();
    let client = Client::open(server.url()).unwrap();
    let redis = Redis::new(client.get_multiplexed_async_connection().await.unwrap());
    assert!(redis.listen(&scope()).await.unwrap().is_none());
    let redis = redis.listen_with(client);
    let mut stream = redis.listen(&scope()).await.unwrap().unwrap();
    redis.announce(&scope(), &Invalidation::Key("1".to_owned())).await.unwrap();
    assert_eq!(timeout(TIMEOUT, stream.next()).await.unwrap().unwrap(), Invalidation::Key("1".to_owned()));
}

/// A server that hangs doesn't close its connections. Only a `PING` detects the hang.
#[tokio::test]
async fn subscriber_times_out_when_server_hangs() {
    let mut server = start();
    let redis = Redis::connect(server.url()).await.unwrap();
    let mut stream = redis.listen(&scope()).await.unwrap().unwrap();
    server.pause().unwrap();
    let error = timeout(2 * TIMEOUT, stream.next()).await.unwrap().unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Timeout);
    server.resume().unwrap();
}
