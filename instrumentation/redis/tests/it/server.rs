//! Helpers that start servers and create keys.

use std::process::Command;
use std::time::{Duration, Instant};

use cachescope_core::shared::{LeaseToken, Scope, StoreKey};
use cachescope_harness::{RedisCluster, Server};

/// The longest time that any step may take on a busy machine.
pub(crate) const TIMEOUT: Duration = Duration::from_secs(30);

const PAUSE: Duration = Duration::from_millis(10);

/// Starts a server for one test. Dropping it stops the server.
pub(crate) fn start() -> Server {
    Server::redis().unwrap()
}

/// Starts a cluster of three masters for one test.
pub(crate) fn start_cluster() -> RedisCluster {
    Server::redis_cluster().unwrap()
}

/// Returns the port of a server.
pub(crate) fn port(server: &Server) -> String {
    server.address().rsplit(':').next().unwrap().to_owned()
}

/// Runs a command with `redis-cli` and returns its output. Panics if the command fails.
pub(crate) fn cli(server: &Server, args: &[&str]) -> String {
    cli_at(&port(server), args)
}

/// Runs a command with `redis-cli` on the server at `port`.
pub(crate) fn cli_at(port: &str, args: &[&str]) -> String {
    let program = cachescope_harness::program("redis-tools", "redis-cli").unwrap();
    let output = Command::new(program).args(["-e", "-p", port]).args(args).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{args:?}: {text}{}", String::from_utf8_lossy(&output.stderr));
    text.trim_end().to_owned()
}

/// Waits until `condition` is true.
pub(crate) async fn eventually<F: Future<Output = bool>>(what: &str, mut condition: impl FnMut() -> F) {
    let started = Instant::now();
    while !condition().await {
        assert!(started.elapsed() < TIMEOUT, "{what}: not after {TIMEOUT:?}");
        tokio::time::sleep(PAUSE).await;
    }
}

pub(crate) fn scope() -> Scope {
    Scope::new("test", "cache", 1).unwrap()
}

pub(crate) fn key(key: u64) -> StoreKey {
    scope().key(&key).unwrap()
}

/// Returns a different token for each number. Tokens ignore the lowest two bits of the random number.
pub(crate) fn token(number: u64) -> LeaseToken {
    LeaseToken::from_random(number << 2)
}
