//! A Redis cluster of three masters, each with a third of the slots.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;
use std::{fmt::Write, fs};

use anyhow::Result;

use crate::launch;
use crate::part::Part;
use crate::poll;
use crate::ports::Ports;
use crate::probe;
use crate::proxy::Proxy;
use crate::redis::{self, Durability};
use crate::run;
use crate::server::{FRONT, Server};

/// The number of nodes.
const NODES: [&str; 3] = ["redis-node-1", "redis-node-2", "redis-node-3"];

/// The first slot of each node, and the end of the last.
const SLOTS: [u16; 4] = [0, 5461, 10923, 16384];

/// The time of silence after which the others take a node for dead. A node on a busy machine may be silent for a while.
const NODE_TIMEOUT_MS: &str = "5000";

/// Bounds a failure: a started master waits two seconds before it serves its slots, as its view may be outdated.
const DEADLINE: Duration = Duration::from_secs(60);

/// One node.
#[derive(Debug)]
struct NodePart(usize);

impl NodePart {
    /// The name of the node: forty hexadecimal digits.
    fn id(&self) -> String {
        format!("{:040x}", self.0 + 1)
    }
}

static PARTS: [&(dyn Part + 'static); 3] = [&NodePart(0), &NodePart(1), &NodePart(2)];

impl Part for NodePart {
    fn name(&self) -> &'static str {
        NODES[self.0]
    }

    fn ports(&self) -> &'static [&'static str] {
        &["bus", "client"]
    }

    fn program(&self, _cache: &Path) -> Result<PathBuf> {
        redis::program()
    }

    /// The state that nodes would exchange while commands create a cluster, written before the start.
    fn prepare(&self, _cache: &Path, _program: &Path, ports: &Ports, folder: &Path) -> Result<()> {
        let mut known = String::new();
        for node in (0..NODES.len()).map(NodePart) {
            let address = ports.address(node.name(), FRONT);
            let bus = ports.number(node.name(), "bus");
            let role = if node.0 == self.0 { "myself,master" } else { "master" };
            let [first, end] = [SLOTS[node.0], SLOTS[node.0 + 1]];
            let epoch = node.0 + 1;
            writeln!(known, "{} {address}@{bus} {role} - 0 0 {epoch} connected {first}-{}", node.id(), end - 1)?;
        }
        writeln!(known, "vars currentEpoch {} lastVoteEpoch 0", NODES.len())?;
        Ok(fs::write(folder.join("nodes.conf"), known)?)
    }

    fn command(&self, program: &Path, ports: &Ports, folder: &Path) -> Result<Command> {
        let number = |port| ports.number(self.name(), port).to_string();
        let mut command = redis::command(program, ports.number(self.name(), "client"), folder, Durability::Durable);
        command.args(["--cluster-enabled", "yes", "--cluster-config-file", "nodes.conf"]);
        command.args(["--cluster-node-timeout", NODE_TIMEOUT_MS, "--cluster-port", &number("bus")]);
        // Nodes redirect clients to these addresses, which are those of the proxies.
        command.args(["--cluster-announce-ip", "127.0.0.1", "--cluster-announce-port", &number(FRONT)]);
        command.args(["--cluster-announce-bus-port", &number("bus")]);
        Ok(command)
    }

    fn ready(&self, ports: &Ports) -> Result<bool> {
        redis::pongs(&ports.address(self.name(), "client"))
    }
}

/// A private Redis cluster: three [`Server`]s, each a master with an append-only file and without a replica. After one
/// node is gone for five seconds, the others refuse every command that needs a slot, which is Redis's default.
///
/// ```no_run
/// # fn main() -> anyhow::Result<()> {
/// let mut cluster = cachescope_harness::Server::redis_cluster()?;
/// // ... connect to cluster.urls() ...
/// cluster.nodes_mut()[1].kill()?;
/// cluster.nodes_mut()[1].restart()?;
/// cluster.await_ok()?;
/// # Ok(()) }
/// ```
#[derive(Debug)]
pub struct RedisCluster {
    nodes: Vec<Server>,
}

impl RedisCluster {
    fn start() -> Result<Self> {
        let cache = run::cache_folder()?;
        let program = redis::program()?;
        let alone = run::alone(&cache)?;
        run::sweep(&cache);
        let cluster = launch::with_free_ports(|| Self::attempt(&cache, &program))?;
        drop(alone);
        cluster.await_ok()?;
        Ok(cluster)
    }

    fn attempt(cache: &Path, program: &Path) -> Result<Self> {
        let mut ports = Ports::choose(&PARTS)?;
        let proxies = NODES.iter().map(|_| Proxy::bind()).collect::<Result<Vec<_>>>()?;
        for (node, proxy) in NODES.iter().zip(&proxies) {
            ports.set(node, FRONT, proxy.port());
        }
        let mut nodes = Vec::new();
        for (part, proxy) in PARTS.into_iter().zip(proxies) {
            nodes.push(Server::create(cache, part, program, ports.clone(), proxy, redis::url)?);
        }
        nodes.iter_mut().try_for_each(Server::launch)?;
        nodes.iter_mut().try_for_each(Server::await_ready)?;
        Ok(Self { nodes })
    }

    /// The URL of each node, `redis://127.0.0.1:PORT`. A client that knows one node finds the others.
    pub fn urls(&self) -> Vec<String> {
        self.nodes.iter().map(|node| node.url().to_owned()).collect()
    }

    /// The nodes, by their slots: 0 to 5460, 5461 to 10922, 10923 to 16383.
    pub fn nodes(&self) -> &[Server] {
        &self.nodes
    }

    /// The nodes, for tests that kill, pause or cut them off.
    pub fn nodes_mut(&mut self) -> &mut [Server] {
        &mut self.nodes
    }

    /// Waits until every node reports that all slots are served.
    ///
    /// # Errors
    /// After a minute.
    pub fn await_ok(&self) -> Result<()> {
        for node in &self.nodes {
            let ok = |answer: &[u8]| probe::contains(answer, b"cluster_state:ok");
            // Through the proxy, as clients do.
            let ask = || {
                probe::answers(&node.address(), b"CLUSTER INFO\r\n", ok).or_else(|error| {
                    // No more bytes follow an answer without the word.
                    if node.answers() { Ok(false) } else { Err(error) }
                })
            };
            poll::eventually("a cluster that serves all slots", DEADLINE, ask, |ok| *ok)?;
        }
        Ok(())
    }
}

impl Server {
    /// Starts a Redis cluster of three masters. That takes a bit more than two seconds, as a master first waits for news
    /// that its view is outdated.
    ///
    /// # Errors
    /// As [`Server::redis`].
    pub fn redis_cluster() -> Result<RedisCluster> {
        RedisCluster::start()
    }
}
