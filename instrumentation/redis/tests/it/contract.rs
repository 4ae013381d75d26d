//! The conformance suite of stores.

use std::time::Duration;

use cachescope_redis::Redis;
use cachescope_testing::{Capabilities, check};

use crate::server::{cli, start, start_cluster};

const CAPABILITIES: Capabilities =
    Capabilities { leases: true, invalidations: true, sweeps: false, max_value_bytes: 10 << 20 };

async fn assert_conforms(redis: Redis) {
    if let Err(violations) = check(&redis, CAPABILITIES).await {
        panic!("{violations:#?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn server_conforms_to_store_contract() {
    let server = start();
    assert_conforms(Redis::connect(server.url()).await.unwrap()).await;
    assert_eq!(cli(&server, &["DBSIZE"]), "0", "keys are left");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn server_with_resp3_conforms_to_store_contract() {
    let server = start();
    assert_conforms(Redis::connect(format!("{}?protocol=resp3", server.url())).await.unwrap()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn cluster_conforms_to_store_contract() {
    let cluster = start_cluster();
    assert_conforms(Redis::connect_cluster(cluster.urls()).await.unwrap()).await;
    let sizes: Vec<String> = cluster.nodes().iter().map(|node| cli(node, &["DBSIZE"])).collect();
    assert_eq!(sizes, ["0", "0", "0"], "keys are left");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pools_conform_to_store_contract() {
    let server = start();
    let client = cachescope_redis::redis::Client::open(server.url()).unwrap();
    let manager = cachescope_redis::bb8_redis::RedisConnectionManager::new(server.url()).unwrap();
    let pool = cachescope_redis::bb8_redis::bb8::Pool::builder().max_size(4).build(manager).await.unwrap();
    assert_conforms(Redis::pool(pool).listen_with(client.clone())).await;

    let mut config = cachescope_redis::deadpool_redis::Config::from_url(server.url());
    let timeout = Duration::from_secs(30);
    let mut pool = cachescope_redis::deadpool_redis::PoolConfig::new(4);
    pool.timeouts.wait = Some(timeout);
    config.pool = Some(pool);
    let pool = config.create_pool(Some(cachescope_redis::deadpool_redis::Runtime::Tokio1)).unwrap();
    assert_conforms(Redis::pool(pool).listen_with(client)).await;
}
