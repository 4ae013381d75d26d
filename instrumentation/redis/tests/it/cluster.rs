//! Redis Cluster.

use std::time::Duration;

use cachescope_core::shared::{ByteStore, Leased, Notice, StoreErrorKind, StoreSize};
use cachescope_redis::Redis;
use cachescope_redis::redis::cluster::ClusterClient;
use tokio::time::timeout;

use crate::server::{PATIENCE, cli, eventually, key, scope, start_cluster, token};

const TERM: Duration = Duration::from_secs(60);

#[tokio::test]
async fn a_key_and_its_lease_are_on_one_node_and_a_scope_is_on_all() {
    let cluster = start_cluster();
    let client = ClusterClient::new(cluster.urls()).unwrap();
    let redis = Redis::cluster(client.get_async_connection().await.unwrap());
    for n in 0..2_000 {
        assert_eq!(redis.lease(&key(n), token(1), TERM).await.unwrap(), Leased::Granted(None));
        assert!(redis.put(&key(n), b"123", None, Some(token(1))).await.unwrap());
        redis.lease(&key(n), token(1), TERM).await.unwrap();
    }
    for node in cluster.nodes() {
        assert!(cli(node, &["DBSIZE"]).parse::<u64>().unwrap() > 1_000, "each node has its part");
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
async fn what_is_announced_at_one_node_is_heard_at_another() {
    let cluster = start_cluster();
    let urls = cluster.urls();
    let mut heard = Vec::new();
    for first in 0..3 {
        let mut urls = urls.clone();
        urls.rotate_left(first);
        let redis = Redis::connect_cluster(urls).await.unwrap();
        heard.push(redis.listen(&scope()).await.unwrap().unwrap());
    }
    let redis = Redis::connect_cluster(urls).await.unwrap();
    for n in 0..20 {
        redis.announce(&scope(), &Notice::Key(n.to_string())).await.unwrap();
        for notices in &mut heard {
            let notice = timeout(PATIENCE, notices.next()).await.unwrap().unwrap();
            assert_eq!(notice, Notice::Key(n.to_string()));
        }
    }
}

#[tokio::test]
async fn scripts_are_learnt_by_each_node() {
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
async fn a_cluster_that_lost_a_node_is_unreachable_and_comes_back() {
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
