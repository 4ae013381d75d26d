//! What every store promises.

use std::time::Duration;

use cachescope_core::contract::{Promises, check};
use cachescope_redis::Redis;

use crate::server::{cli, start, start_cluster};

const PROMISES: Promises = Promises { leases: true, notices: true, sweeps: false, largest: 10 << 20 };

async fn keeps(redis: Redis) {
    if let Err(broken) = check(&redis, PROMISES).await {
        panic!("{broken:#?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_keeps_what_stores_promise() {
    let server = start();
    keeps(Redis::connect(server.url()).await.unwrap()).await;
    assert_eq!(cli(&server, &["DBSIZE"]), "0", "something is left");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_speaks_the_newer_protocol_does() {
    let server = start();
    keeps(Redis::connect(format!("{}?protocol=resp3", server.url())).await.unwrap()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cluster_does() {
    let cluster = start_cluster();
    keeps(Redis::connect_cluster(cluster.urls()).await.unwrap()).await;
    let sizes: Vec<String> = cluster.nodes().iter().map(|node| cli(node, &["DBSIZE"])).collect();
    assert_eq!(sizes, ["0", "0", "0"], "something is left");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pools_do() {
    let server = start();
    let client = cachescope_redis::redis::Client::open(server.url()).unwrap();
    let manager = cachescope_redis::bb8_redis::RedisConnectionManager::new(server.url()).unwrap();
    let pool = cachescope_redis::bb8_redis::bb8::Pool::builder().max_size(4).build(manager).await.unwrap();
    keeps(Redis::pool(pool).listening(client.clone())).await;

    let mut config = cachescope_redis::deadpool_redis::Config::from_url(server.url());
    let timeout = Duration::from_secs(30);
    let mut pool = cachescope_redis::deadpool_redis::PoolConfig::new(4);
    pool.timeouts.wait = Some(timeout);
    config.pool = Some(pool);
    let pool = config.create_pool(Some(cachescope_redis::deadpool_redis::Runtime::Tokio1)).unwrap();
    keeps(Redis::pool(pool).listening(client)).await;
}
