//! Failover with a sentinel.

use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use cachescope_core::shared::{ByteStore, Invalidation, StoreErrorKind};
use cachescope_harness::Server;
use cachescope_redis::Redis;
use cachescope_redis::redis::sentinel::{SentinelClient, SentinelServerType};
use cachescope_redis::redis::{Client, cmd};
use tempfile::TempDir;
use tokio::time::timeout;

use crate::server::{TIMEOUT, cli, cli_at, eventually, key, port, scope, start};

/// A sentinel that monitors one master under the name `mine`.
struct Sentinel {
    child: Child,
    port: String,
    _folder: TempDir,
}

impl Sentinel {
    async fn start(master: &Server) -> Self {
        // Another process may have taken the free port in the meantime.
        for _ in 0..10 {
            let mut sentinel = Self::spawn(master);
            if sentinel.is_reachable().await {
                return sentinel;
            }
        }
        panic!("the sentinel didn't start on any of ten ports");
    }

    fn spawn(master: &Server) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port().to_string();
        // The sentinel writes to its configuration file.
        let file = folder.path().join("sentinel.conf");
        let config = format!(
            "sentinel monitor mine 127.0.0.1 {} 1\nsentinel down-after-milliseconds mine 300\n\
             sentinel failover-timeout mine 2000\n",
            crate::server::port(master)
        );
        std::fs::write(&file, config).unwrap();
        let mut command = Command::new(cachescope_harness::program("redis-server", "redis-server").unwrap());
        command.arg(&file).args(["--sentinel", "--bind", "127.0.0.1", "--port", &port, "--dir"]).arg(folder.path());
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).spawn().unwrap();
        Self { child, port, _folder: folder }
    }

    /// Waits until the sentinel replies or ends. Returns whether it replied.
    async fn is_reachable(&mut self) -> bool {
        let client = Client::open(self.url()).unwrap();
        timeout(TIMEOUT, async {
            while self.child.try_wait().unwrap().is_none() {
                if let Ok(mut connection) = client.get_multiplexed_async_connection().await {
                    return cmd("PING").exec_async(&mut connection).await.is_ok();
                }
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
            false
        })
        .await
        .expect("the sentinel replies or ends")
    }

    fn url(&self) -> String {
        format!("redis://127.0.0.1:{}/", self.port)
    }
}

impl Drop for Sentinel {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

#[tokio::test]
async fn store_follows_master_after_failover() {
    let (mut master, replica) = (start(), start());
    // The replica announces the port at which clients reach it.
    cli(&replica, &["CONFIG", "SET", "replica-announce-port", &port(&replica)]);
    cli(&replica, &["REPLICAOF", "127.0.0.1", &port(&master)]);
    let sentinel = Sentinel::start(&master).await;
    eventually("the replica is known", || async {
        let replicas = cli_at(&sentinel.port, &["SENTINEL", "REPLICAS", "mine"]);
        replicas.contains(&port(&replica)) && replicas.contains("master-link-status\nok")
    })
    .await;

    let client = SentinelClient::build(vec![sentinel.url()], "mine", None, SentinelServerType::Master).unwrap();
    let redis = Redis::sentinel(client);
    redis.put(&key(1), b"x", None, None).await.unwrap();
    let mut stream = redis.listen(&scope()).await.unwrap().unwrap();
    master.kill().unwrap();
    assert!(timeout(TIMEOUT, stream.next()).await.unwrap().is_err());
    let error = redis.get(&key(1)).await.unwrap_err().kind();
    assert!(matches!(error, StoreErrorKind::Unreachable | StoreErrorKind::Timeout), "{error:?}");
    eventually("the replica is master", || async {
        let put = async { redis.put(&key(2), b"y", Some(Duration::from_secs(60)), None).await };
        timeout(Duration::from_millis(500), put).await.is_ok_and(|put| put.is_ok())
    })
    .await;
    assert_eq!(cli(&replica, &["GET", "{test:cache:1:2}"]), "y");
    let mut stream = redis.listen(&scope()).await.unwrap().unwrap();
    redis.announce(&scope(), &Invalidation::All).await.unwrap();
    assert_eq!(timeout(TIMEOUT, stream.next()).await.unwrap().unwrap(), Invalidation::All);
}
