//! What tests ask of the server.

use std::process::Command;
use std::time::{Duration, Instant};

use cachescope_core::shared::{LeaseToken, Scope, StoreKey};
use cachescope_stack::{RedisCluster, Server};

/// How long anything may take on a machine that is busy with other things.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

const PAUSE: Duration = Duration::from_millis(10);

/// One of a test's own, which is stopped when it is dropped.
pub(crate) fn start() -> Server {
    Server::redis().unwrap()
}

/// Three masters, as well.
pub(crate) fn start_cluster() -> RedisCluster {
    Server::redis_cluster().unwrap()
}

/// The port that clients reach it at.
pub(crate) fn port(server: &Server) -> String {
    server.address().rsplit(':').next().unwrap().to_owned()
}

/// What `redis-cli` prints for a command, without errors.
pub(crate) fn cli(server: &Server, args: &[&str]) -> String {
    cli_at(&port(server), args)
}

/// The same of what has this port.
pub(crate) fn cli_at(port: &str, args: &[&str]) -> String {
    let program = cachescope_stack::program("redis-tools", "redis-cli").unwrap();
    let output = Command::new(program).args(["-e", "-p", port]).args(args).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{args:?}: {text}{}", String::from_utf8_lossy(&output.stderr));
    text.trim_end().to_owned()
}

/// Asks again until it is so.
pub(crate) async fn eventually<F: Future<Output = bool>>(what: &str, mut is_so: impl FnMut() -> F) {
    let begun = Instant::now();
    while !is_so().await {
        assert!(begun.elapsed() < PATIENCE, "{what}: not after {PATIENCE:?}");
        tokio::time::sleep(PAUSE).await;
    }
}

pub(crate) fn scope() -> Scope {
    Scope::new("test", "cache", 1).unwrap()
}

pub(crate) fn key(key: u64) -> StoreKey {
    scope().key(&key).unwrap()
}

/// Another for each number: the lowest two bits of a random one don't count.
pub(crate) fn token(number: u64) -> LeaseToken {
    LeaseToken::from_random(number << 2)
}
