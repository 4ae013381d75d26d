//! The original StatsD server in Node, private to a test.

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
use crate::process::ProcessIdentity;
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

/// The flush interval. Short, as totals are those of the last flush; the server's default is ten seconds.
const FLUSH_MS: u32 = 100;

/// The counter of the readiness probe.
const PROBE: &str = "cachescope.stack.probe";

#[derive(Debug)]
pub(crate) struct StatsdPart;

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
        let build = program.ancestors().nth(3).context("the server isn't where its recipe installs it")?;
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
        // Replaces a setting that newer versions deprecate.
        command.arg("--no-deprecation").arg(program).arg(file);
        Ok(command)
    }

    /// It opens its ports one after the other. Once a line was counted, all are open.
    fn ready(&self, ports: &Ports) -> Result<bool> {
        let client = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
        // A refused datagram is sent again by the next probe.
        client.send_to(format!("{PROBE}:1|c").as_bytes(), ports.address(NAME, "client")).ok();
        Ok(totals(ports)?.counters.get(PROBE).is_some_and(|count| *count > 0.0))
    }
}

fn totals(ports: &Ports) -> Result<StatsdTotals> {
    Ok(serde_json::from_value(http::json(&ports.url(NAME, "totals"), &[])?)?)
}

/// The totals of a server since its start, by name. Tags become `name;key=value`.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
pub struct StatsdTotals {
    /// Sums of counters, and the server's own counters `statsd.*`.
    pub counters: BTreeMap<String, f64>,
    /// The last value of each gauge.
    pub gauges: BTreeMap<String, f64>,
    /// Timings.
    pub timers: BTreeMap<String, StatsdTimer>,
}

/// The timings of a name.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
pub struct StatsdTimer {
    /// The number of timings, scaled by their sample rates.
    pub count: f64,
    /// The number of lines.
    pub values: u64,
    /// The smallest value.
    pub min: Option<f64>,
    /// The largest value.
    pub max: Option<f64>,
}

/// The original StatsD server in Node, on a free UDP port of 127.0.0.1. A drop stops it; its totals are gone then.
///
/// ```no_run
/// # fn main() -> anyhow::Result<()> {
/// use std::time::Duration;
///
/// let server = cachescope_harness::StatsdServer::start()?;
/// // ... send lines to server.address() ...
/// let hits = |totals: &cachescope_harness::StatsdTotals| totals.counters.get("hits") == Some(&3.0);
/// cachescope_harness::eventually("three hits", Duration::from_secs(10), || server.totals(), hits)?;
/// # Ok(()) }
/// ```
#[derive(Debug)]
pub struct StatsdServer {
    state: State,
    /// `None` after a kill.
    started: Option<Started>,
}

impl StatsdServer {
    /// Starts a server. The first use installs it with npm, which takes a few seconds.
    ///
    /// # Errors
    /// When it can't be installed or started; shows the end of its log. Needs Node and npm.
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
        let state = State::new(Some(ProcessIdentity::own()?), folder.join(run::STATE), folder, ports);
        let mut server = Self { state, started: None };
        let started = launch::spawn(&StatsdPart, program, &server.state.ports, &server.state.folder, false)?;
        server.state.add(&started);
        // At once, so that the next start can clean up after a killed test.
        server.state.write(&server.state.file)?;
        server.started = Some(started);
        launch::await_ready(server.started.iter_mut(), &server.state.ports).map_err(|error| {
            // For a taken port of datagrams, Node's error lacks the usual words.
            let taken = format!("{error:#}").contains("EADDRINUSE");
            if taken { anyhow!("address already in use\n{error:#}") } else { error }
        })?;
        Ok(server)
    }

    /// The address for lines over UDP, `127.0.0.1:PORT`.
    pub fn address(&self) -> String {
        self.state.ports.address(NAME, "client")
    }

    /// The totals, at most a tenth of a second old.
    ///
    /// # Errors
    /// When it was killed, or doesn't answer.
    pub fn totals(&self) -> Result<StatsdTotals> {
        let mut totals = totals(&self.state.ports)?;
        totals.counters.remove(PROBE);
        Ok(totals)
    }

    /// Kills it with SIGKILL. Datagrams are refused from now on. Does nothing after an earlier kill.
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
            // Its state file stays, so that the next start tries again.
            return eprintln!("cachescope-harness: {error:#}");
        }
        fs::remove_file(&self.state.file).ok();
        if std::thread::panicking() {
            eprintln!("cachescope-harness: logs kept in {}", self.state.folder.display());
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
    fn totals_are_scaled_by_rates_and_survive_flushes() {
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
    fn taken_port_is_reported_with_the_expected_message() {
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
