//! The original StatsD server, private to a test.

use std::collections::BTreeMap;
use std::fs;
use std::net::{Ipv4Addr, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, anyhow};
use serde::Deserialize;

use crate::http;
use crate::launch::{self, GRACE, Started};
use crate::part::Part;
use crate::ports::Ports;
use crate::process::Identity;
use crate::recipe::Recipe;
use crate::run;
use crate::state::State;

const NAME: &str = "statsd";

const RECIPE: Recipe = Recipe {
    name: NAME,
    files: &[
        ("package.json", include_str!("../parts/statsd/package.json")),
        ("package-lock.json", include_str!("../parts/statsd/package-lock.json")),
        ("totals.js", include_str!("../parts/statsd/totals.js")),
    ],
    steps: &[&["npm", "ci", "--omit=optional", "--ignore-scripts", "--no-audit", "--no-fund"]],
    binary: "node_modules/statsd/stats.js",
};

/// What is asked for is what was flushed: soon. Its default is ten seconds.
const FLUSH_MS: u32 = 100;

/// A counter of ours, by which we know that lines arrive.
const PROBE: &str = "cachescope.stack.probe";

#[derive(Debug)]
struct StatsdPart;

impl Part for StatsdPart {
    fn name(&self) -> &'static str {
        NAME
    }

    fn ports(&self) -> &'static [&'static str] {
        &["admin", "client", "totals"]
    }

    fn program(&self, cache: &Path) -> Result<PathBuf> {
        RECIPE.binary(cache)
    }

    fn command(&self, program: &Path, ports: &Ports, folder: &Path) -> Result<Command> {
        let build = program.ancestors().nth(3).context("the server is not where its recipe leaves it")?;
        let address = Ipv4Addr::LOCALHOST.to_string();
        let config = serde_json::json!({
            "address": address,
            "port": ports.number(NAME, "client"),
            "mgmt_address": address,
            "mgmt_port": ports.number(NAME, "admin"),
            "backends": [build.join("totals.js")],
            "totals_address": address,
            "totals_port": ports.number(NAME, "totals"),
            "flushInterval": FLUSH_MS,
            "automaticConfigReload": false,
        });
        let file = folder.join("config.js");
        fs::write(&file, config.to_string())?;
        let mut command = Command::new("node");
        // It asks to have what it calls deprecated, which newer ones lack, replaced.
        command.arg("--no-deprecation").arg(program).arg(file);
        Ok(command)
    }

    /// Its ports are open one after the other; when a line was counted, all are.
    fn ready(&self, ports: &Ports) -> Result<bool> {
        let client = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
        // Refused, it will be asked again.
        client.send_to(format!("{PROBE}:1|c").as_bytes(), ports.address(NAME, "client")).ok();
        Ok(totals(ports)?.counters.get(PROBE).is_some_and(|count| *count > 0.0))
    }
}

fn totals(ports: &Ports) -> Result<StatsdTotals> {
    Ok(serde_json::from_value(http::json(&ports.url(NAME, "totals"), &[])?)?)
}

/// Everything a server has counted since it was started, by name as it has it: tags become `name;key=value`.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
pub struct StatsdTotals {
    /// Sums of counters, and what the server counts of itself as `statsd.*`.
    pub counters: BTreeMap<String, f64>,
    /// The last value of each.
    pub gauges: BTreeMap<String, f64>,
    /// What timings it has.
    pub timers: BTreeMap<String, StatsdTimer>,
}

/// Timings of one name.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
pub struct StatsdTimer {
    /// How many, by the rates.
    pub count: f64,
    /// How many lines.
    pub values: u64,
    /// The least value.
    pub min: Option<f64>,
    /// The largest value.
    pub max: Option<f64>,
}

/// The original StatsD server (Node), on a free UDP port of 127.0.0.1. Dropped, it is stopped, and what it counted is gone.
///
/// ```no_run
/// # fn main() -> anyhow::Result<()> {
/// use std::time::Duration;
///
/// let server = cachescope_stack::StatsdServer::start()?;
/// // ... send lines to server.address() ...
/// let hits = |totals: &cachescope_stack::StatsdTotals| totals.counters.get("hits") == Some(&3.0);
/// cachescope_stack::eventually("three hits", Duration::from_secs(10), || server.totals(), hits)?;
/// # Ok(()) }
/// ```
#[derive(Debug)]
pub struct StatsdServer {
    state: State,
    /// None after it was killed.
    started: Option<Started>,
}

impl StatsdServer {
    /// Starts one; a first use takes npm a few seconds more.
    ///
    /// # Errors
    /// When it cannot be had or started; shows the end of its log. Node and npm have to be there.
    pub fn start() -> Result<Self> {
        let cache = run::cache_folder()?;
        let program = StatsdPart.program(&cache)?;
        let _alone = run::alone(&cache)?;
        run::sweep(&cache);
        launch::with_free_ports(|| Self::attempt(&cache, &program))
    }

    fn attempt(cache: &Path, program: &Path) -> Result<Self> {
        let (folder, ports) = (run::create(cache)?, Ports::choose(&[&StatsdPart])?);
        launch::prepare(&StatsdPart, cache, program, &ports, &folder)?;
        let state = State::new(Some(Identity::own()?), folder.join(run::STATE), folder, ports);
        let mut server = Self { state, started: None };
        let started = launch::spawn(&StatsdPart, program, &server.state.ports, &server.state.folder, false)?;
        server.state.add(&started);
        // At once, so that a killed test leaves word of what it started.
        server.state.write(&server.state.file)?;
        server.started = Some(started);
        launch::await_ready(server.started.iter_mut(), &server.state.ports).map_err(|error| {
            // Node leaves out the words that others have for it, where the port is for datagrams.
            let taken = format!("{error:#}").contains("EADDRINUSE");
            if taken { anyhow!("address already in use\n{error:#}") } else { error }
        })?;
        Ok(server)
    }

    /// Where it takes lines, over UDP: `127.0.0.1:PORT`.
    pub fn address(&self) -> String {
        self.state.ports.address(NAME, "client")
    }

    /// What it has counted, a tenth of a second ago or less.
    ///
    /// # Errors
    /// When it was killed, or doesn't answer.
    pub fn totals(&self) -> Result<StatsdTotals> {
        let mut totals = totals(&self.state.ports)?;
        totals.counters.remove(PROBE);
        Ok(totals)
    }

    /// Ends it by SIGKILL; from now on datagrams are refused. Does nothing to one that is killed already.
    ///
    /// # Errors
    /// When it survives.
    pub fn kill(&mut self) -> Result<()> {
        self.started.take().map_or(Ok(()), |mut started| started.process.kill())
    }
}

impl Drop for StatsdServer {
    fn drop(&mut self) {
        if let Some(Err(error)) = self.started.as_mut().map(|started| started.process.stop(GRACE)) {
            // Its state stays, by which the next start tries again.
            return eprintln!("cachescope-stack: {error:#}");
        }
        fs::remove_file(&self.state.file).ok();
        if std::thread::panicking() {
            eprintln!("cachescope-stack: logs kept in {}", self.state.folder.display());
            return run::remove_data(&self.state.folder);
        }
        run::remove(&self.state.folder);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::poll::eventually;

    #[test]
    fn it_counts_by_rates_and_its_totals_outlast_its_flushes() {
        let mut server = StatsdServer::start().unwrap();
        let client = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        for sent in 1..=2 {
            client.send_to(b"hits:3|c|#a:b\ntook:2.5|ms|@0.25\nlevel:7|g", server.address()).unwrap();
            let counted = |totals: &StatsdTotals| totals.counters.get("hits;a=b") == Some(&f64::from(3 * sent));
            eventually("the sum", Duration::from_secs(10), || server.totals(), counted).unwrap();
        }
        let totals = server.totals().unwrap();
        let timer = StatsdTimer { count: 8.0, values: 2, min: Some(2.5), max: Some(2.5) };
        assert_eq!(totals.timers["took"], timer);
        assert_eq!(totals.gauges["level"], 7.0);
        assert_eq!(totals.counters["statsd.bad_lines_seen"], 0.0);
        server.kill().unwrap();
        assert!(server.totals().is_err());
    }

    #[test]
    fn a_taken_port_is_said_in_the_words_the_next_attempt_hangs_on() {
        let cache = run::cache_folder().unwrap();
        let program = StatsdPart.program(&cache).unwrap();
        let ports = Ports::choose(&[&StatsdPart]).unwrap();
        let _taken = UdpSocket::bind(ports.address(NAME, "client")).unwrap();
        let folder = tempfile::tempdir().unwrap();
        launch::prepare(&StatsdPart, &cache, &program, &ports, folder.path()).unwrap();
        let mut started = launch::spawn(&StatsdPart, &program, &ports, folder.path(), false).unwrap();
        let error = launch::await_ready([&mut started].into_iter(), &ports).unwrap_err();
        assert!(format!("{error:#}").contains("EADDRINUSE"), "{error:#}");
    }
}
