//! Notices: announced, heard, and the end of the line.

use std::time::Duration;

use cachescope_core::shared::{ByteStore, Notice, Scope, StoreErrorKind};
use cachescope_redis::Redis;
use cachescope_redis::redis::Client;
use tokio::time::timeout;

use crate::server::{PATIENCE, cli, scope, start};

#[tokio::test]
async fn who_listens_hears_its_scope_in_order() {
    let server = start();
    let (one, two) = (Redis::connect(server.url()).await.unwrap(), Redis::connect(server.url()).await.unwrap());
    let mut heard = one.listen(&scope()).await.unwrap().unwrap();
    let mut also = two.listen(&scope()).await.unwrap().unwrap();
    two.announce(&Scope::new("test", "cache", 2).unwrap(), &Notice::All).await.unwrap();
    let notices: Vec<Notice> = (0..100).map(|n| Notice::Key(format!("\"{n}%20\""))).chain([Notice::All]).collect();
    for notice in &notices {
        two.announce(&scope(), notice).await.unwrap();
    }
    for notice in &notices {
        assert_eq!(timeout(PATIENCE, heard.next()).await.unwrap().unwrap(), *notice);
        assert_eq!(timeout(PATIENCE, also.next()).await.unwrap().unwrap(), *notice);
    }
    // Waiting may be given up, and taken up again.
    for _ in 0..10 {
        assert!(timeout(Duration::from_millis(2), heard.next()).await.is_err());
    }
    one.announce(&scope(), &Notice::All).await.unwrap();
    assert_eq!(timeout(PATIENCE, heard.next()).await.unwrap().unwrap(), Notice::All);

    drop((heard, also));
    crate::server::eventually("nobody listens any more", || async { cli(&server, &["PUBSUB", "CHANNELS"]).is_empty() })
        .await;
}

#[tokio::test]
async fn who_listens_is_told_that_the_line_is_dead() {
    let mut server = start();
    let redis = Redis::connect(server.url()).await.unwrap();
    let mut heard = redis.listen(&scope()).await.unwrap().unwrap();
    server.kill().unwrap();
    let error = timeout(PATIENCE, heard.next()).await.unwrap().unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Unreachable);
    assert!(redis.announce(&scope(), &Notice::All).await.is_err());
    server.restart().unwrap();
    let mut heard = redis.listen(&scope()).await.unwrap().unwrap();
    redis.announce(&scope(), &Notice::All).await.unwrap();
    assert_eq!(timeout(PATIENCE, heard.next()).await.unwrap().unwrap(), Notice::All);
}

#[tokio::test]
async fn a_connection_alone_does_not_listen_and_with_a_client_does() {
    let server = start();
    let client = Client::open(server.url()).unwrap();
    let redis = Redis::new(client.get_multiplexed_async_connection().await.unwrap());
    assert!(redis.listen(&scope()).await.unwrap().is_none());
    let redis = redis.listening(client);
    let mut heard = redis.listen(&scope()).await.unwrap().unwrap();
    redis.announce(&scope(), &Notice::Key("1".to_owned())).await.unwrap();
    assert_eq!(timeout(PATIENCE, heard.next()).await.unwrap().unwrap(), Notice::Key("1".to_owned()));
}

/// A server that hangs doesn't close its connections: only who asks notices.
#[tokio::test]
async fn a_line_that_is_dead_without_a_word_is_noticed() {
    let mut server = start();
    let redis = Redis::connect(server.url()).await.unwrap();
    let mut heard = redis.listen(&scope()).await.unwrap().unwrap();
    server.pause().unwrap();
    let error = timeout(2 * PATIENCE, heard.next()).await.unwrap().unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Timeout);
    server.resume().unwrap();
}
