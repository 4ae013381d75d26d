//! Redis servers of the tests' own, on loopback, stopped when dropped.

use std::fs::File;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use cachescope_core::shared::{LeaseToken, Scope, StoreKey};
use tempfile::TempDir;

/// How long anything may take on a machine that is busy with other things.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

const PAUSE: Duration = Duration::from_millis(10);

/// A `redis-server`.
pub(crate) struct Server {
    child: Child,
    pub(crate) port: u16,
    folder: TempDir,
    args: Vec<String>,
}

impl Server {
    pub(crate) fn start() -> Self {
        Self::start_with(&[])
    }

    /// With more arguments; `{port}` and `{folder}` in them are the server's, `{other}` is another free port.
    pub(crate) fn start_with(args: &[&str]) -> Self {
        // Another process may take a port that was free.
        for _ in 0..10 {
            let (folder, port, other) = (tempfile::tempdir().unwrap(), free_port(), free_port());
            let all = ["--bind", "127.0.0.1", "--dir", "{folder}", "--save", "", "--port", "{port}"];
            let filled = |arg: &&str| {
                let arg = arg.replace("{port}", &port.to_string()).replace("{other}", &other.to_string());
                arg.replace("{folder}", folder.path().to_str().unwrap())
            };
            let args: Vec<String> = all.iter().chain(args).map(filled).collect();
            let child = spawn(&args, &folder);
            let mut server = Self { child, port, folder, args };
            if server.comes_up() {
                return server;
            }
        }
        panic!("redis-server doesn't come up on any of ten ports");
    }

    /// A sentinel with this configuration, which it writes to.
    pub(crate) fn sentinel(config: &Path) -> Self {
        let config = config.to_str().unwrap();
        for _ in 0..10 {
            let (folder, port) = (tempfile::tempdir().unwrap(), free_port());
            let port_text = port.to_string();
            let folder_text = folder.path().to_str().unwrap();
            let args = [config, "--sentinel", "--bind", "127.0.0.1", "--port", &port_text, "--dir", folder_text];
            let args = args.map(str::to_owned).to_vec();
            let child = spawn(&args, &folder);
            let mut server = Self { child, port, folder, args };
            if server.comes_up() {
                return server;
            }
        }
        panic!("a sentinel doesn't come up on any of ten ports");
    }

    pub(crate) fn url(&self) -> String {
        format!("redis://127.0.0.1:{}/", self.port)
    }

    /// Ends it at once, as a crash would.
    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Starts it again, on the same port and without what it had in memory.
    pub(crate) fn restart(&mut self) {
        let begun = Instant::now();
        loop {
            self.child = spawn(&self.args, &self.folder);
            if self.comes_up() {
                return;
            }
            assert!(begun.elapsed() < PATIENCE, "redis-server doesn't come up again: {}", self.log());
        }
    }

    /// Keeps it from answering until it is told to go on.
    pub(crate) fn pause(&self) {
        self.signal("-STOP");
    }

    pub(crate) fn go_on(&self) {
        self.signal("-CONT");
    }

    fn signal(&self, signal: &str) {
        assert!(Command::new("kill").args([signal, &self.child.id().to_string()]).status().unwrap().success());
    }

    /// What `redis-cli` prints for a command, without errors.
    pub(crate) fn cli(&self, args: &[&str]) -> String {
        cli(self.port, args)
    }

    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }

    /// Whether it answers, before it ends.
    fn comes_up(&mut self) -> bool {
        let begun = Instant::now();
        while self.child.try_wait().unwrap().is_none() {
            if answers(self.port) {
                return true;
            }
            assert!(begun.elapsed() < PATIENCE, "redis-server doesn't answer: {}", self.log());
            std::thread::sleep(PAUSE);
        }
        false
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// Three masters.
pub(crate) struct Cluster {
    pub(crate) nodes: Vec<Server>,
}

impl Cluster {
    pub(crate) fn start() -> Self {
        let args = ["--cluster-enabled", "yes", "--cluster-port", "{other}", "--cluster-node-timeout", "2000"];
        let nodes: Vec<Server> = (0..3).map(|_| Server::start_with(&args)).collect();
        let addresses: Vec<String> = nodes.iter().map(|node| format!("127.0.0.1:{}", node.port)).collect();
        let mut create = vec!["--cluster", "create"];
        create.extend(addresses.iter().map(String::as_str));
        create.push("--cluster-yes");
        nodes[0].cli(&create);
        let cluster = Self { nodes };
        let begun = Instant::now();
        while !cluster.nodes.iter().all(|node| node.cli(&["CLUSTER", "INFO"]).contains("cluster_state:ok")) {
            assert!(begun.elapsed() < PATIENCE, "the cluster doesn't come up");
            std::thread::sleep(PAUSE);
        }
        cluster
    }

    pub(crate) fn urls(&self) -> Vec<String> {
        self.nodes.iter().map(Server::url).collect()
    }
}

fn spawn(args: &[String], folder: &TempDir) -> Child {
    let log = File::options().create(true).append(true).open(folder.path().join("log")).unwrap();
    let error = log.try_clone().unwrap();
    Command::new("redis-server").args(args).stdin(Stdio::null()).stdout(log).stderr(error).spawn().unwrap_or_else(
        |error| panic!("cannot run redis-server, which these tests need (Debian: apt install redis-server): {error}"),
    )
}

fn cli(port: u16, args: &[&str]) -> String {
    let output = Command::new("redis-cli").args(["-e", "-p", &port.to_string()]).args(args).output();
    let output = output.unwrap_or_else(|error| panic!("cannot run redis-cli, which comes with redis-server: {error}"));
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{args:?}: {text}{}", String::from_utf8_lossy(&output.stderr));
    text.trim_end().to_owned()
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// Also without a password there is an answer, if no pong.
fn answers(port: u16) -> bool {
    let Ok(mut stream) = TcpStream::connect(("127.0.0.1", port)) else { return false };
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut first = [0];
    stream.write_all(b"PING\r\n").is_ok() && stream.read_exact(&mut first).is_ok()
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
