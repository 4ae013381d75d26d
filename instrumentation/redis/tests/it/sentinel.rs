//! A master that sentinels name.

use std::time::Duration;

use cachescope_core::shared::{ByteStore, Notice, StoreErrorKind};
use cachescope_redis::Redis;
use cachescope_redis::redis::sentinel::{SentinelClient, SentinelServerType};
use tokio::time::timeout;

use crate::server::{PATIENCE, Server, eventually, key, scope};

#[tokio::test]
async fn the_next_master_is_found() {
    let mut master = Server::start();
    let replica = Server::start_with(&["--replicaof", &format!("127.0.0.1 {}", master.port)]);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("sentinel.conf");
    let config = format!(
        "sentinel monitor mine 127.0.0.1 {} 1\nsentinel down-after-milliseconds mine 300\n\
         sentinel failover-timeout mine 2000\n",
        master.port
    );
    std::fs::write(&file, config).unwrap();
    let sentinel = Server::sentinel(&file);
    eventually("the replica is known", || async {
        let replicas = sentinel.cli(&["SENTINEL", "REPLICAS", "mine"]);
        replicas.contains(&replica.port.to_string()) && replicas.contains("master-link-status\nok")
    })
    .await;

    let client = SentinelClient::build(vec![sentinel.url()], "mine", None, SentinelServerType::Master).unwrap();
    let redis = Redis::sentinel(client);
    redis.put(&key(1), b"x", None, None).await.unwrap();
    let mut heard = redis.listen(&scope()).await.unwrap().unwrap();
    master.kill();
    assert!(timeout(PATIENCE, heard.next()).await.unwrap().is_err());
    let error = redis.get(&key(1)).await.unwrap_err().kind();
    assert!(matches!(error, StoreErrorKind::Unreachable | StoreErrorKind::Timeout), "{error:?}");
    eventually("the replica is master", || async {
        let put = async { redis.put(&key(2), b"y", Some(Duration::from_secs(60)), None).await };
        timeout(Duration::from_millis(500), put).await.is_ok_and(|put| put.is_ok())
    })
    .await;
    assert_eq!(replica.cli(&["GET", "{test:cache:1:2}"]), "y");
    let mut heard = redis.listen(&scope()).await.unwrap().unwrap();
    redis.announce(&scope(), &Notice::All).await.unwrap();
    assert_eq!(timeout(PATIENCE, heard.next()).await.unwrap().unwrap(), Notice::All);
}
