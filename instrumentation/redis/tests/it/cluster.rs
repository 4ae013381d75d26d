//! Tests on a Redis Cluster.

use std::time::Duration;

use cachescope_core::shared::{ByteStore, Invalidation, LeaseResult, StoreErrorKind, StoreSize};
use cachescope_redis::Redis;
use cachescope_redis::redis::cluster::ClusterClient;
use tokio::time::timeout;

use crate::server::{TIMEOUT, cli, eventually, key, scope, start_cluster, token};

const TERM: Duration = Duration::from_secs(60);

#[tokio::test]
async fn entry_and_lease_share_node_and_scope_spans_all_nodes() {
    let cluster = start_cluster();
    let client = ClusterClient::new(cluster.urls()).unwrap();
    let redis = Redis::cluster(client.get_async_connection().await.unwrap());
    for n in 0..2_000 {
        assert_eq!(redis.lease(&key(n), token(1), TERM).await.unwrap(), LeaseResult::Granted(None));
        assert!(redis.put(&key(n), b"123", None, Some(token(1))).await.unwrap());
        redis.lease(&key(n), token(1), TERM).await.unwrap();
    }
    for node in cluster.nodes() {
        assert!(cli(node, &["DBSIZE"]).parse::<u64>().unwrap() > 1_000, "each node holds a part");
    }
    let size = redis.size(&scope()).await.unwrap();
    assert_eq!(size, StoreSize { entries: Some(2_000), bytes: Some(6_000), exact: true });
    redis.remove(&key(0)).await.unwrap();
    assert!(!redis.put(&key(0), b"x", None, Some(token(1))).await.unwrap());
    redis.clear(&scope()).await.unwrap();
    for node in cluster.nodes() {
        assert_eq!(cli(node, &["DBSIZE"]), "0");
    }
    assert!(redis.listen(&scope()).await.unwrap().is_none());
}

#[tokio::test]
async fn invalidation_reaches_subscribers_of_all_nodes() {
    let cluster = start_cluster();
    let urls = cluster.urls();
    let mut stream = Vec::new();
    for first in 0..3 {
        let mut urls = urls.clone();
        urls.rotate_left(first);
        let redis = Redis::connect_cluster(urls).await.unwrap();
        stream.push(redis.listen(&scope()).await.unwrap().unwrap());
    }
    let redis = Redis::connect_cluster(urls).await.unwrap();
    for n in 0..20 {
        redis.announce(&scope(), &Invalidation::Key(n.to_string())).await.unwrap();
        for notices in &mut stream {
            let notice = timeout(TIMEOUT, notices.next()).await.unwrap().unwrap();
            assert_eq!(notice, Invalidation::Key(n.to_string()));
        }
    }
}

#[tokio::test]
async fn scripts_are_sent_to_each_node_after_flush() {
    let cluster = start_cluster();
    let redis = Redis::connect_cluster(cluster.urls()).await.unwrap();
    for round in 1..4 {
        for node in cluster.nodes() {
            cli(node, &["SCRIPT", "FLUSH"]);
        }
        for n in 0..20 {
            assert!(redis.put(&key(n), b"x", None, None).await.unwrap(), "round {round}");
        }
    }
}

#[tokio::test]
async fn cluster_recovers_after_losing_node() {
    let mut cluster = start_cluster();
    let redis = Redis::connect_cluster(cluster.urls()).await.unwrap();
    for n in 0..20 {
        redis.put(&key(n), b"x", None, None).await.unwrap();
    }
    cluster.nodes_mut()[1].kill().unwrap();
    let mut failed = 0;
    for n in 0..20 {
        if let Err(error) = redis.get(&key(n)).await {
            failed += 1;
            assert!(matches!(error.kind(), StoreErrorKind::Unreachable | StoreErrorKind::Timeout), "{error:?}");
        }
    }
    assert!(failed > 0);
    cluster.nodes_mut()[1].restart().unwrap();
    let works = || async {
        for n in 0..20 {
            if redis.put(&key(n), b"x", None, None).await.is_err() {
                return false;
            }
        }
        redis.clear(&scope()).await.is_ok()
    };
    eventually("it works again", works).await;
}
