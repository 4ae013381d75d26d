//! A server private to a test, which the test can kill, pause and cut off.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};

use crate::cloudwatch::{self, CloudwatchPart};
use crate::family;
use crate::launch::{self, GRACE, Started};
use crate::mariadb::{self, MariadbPart};
use crate::mongodb::{self, MongodbPart};
use crate::part::Part;
use crate::ports::Ports;
use crate::postgres::{self, PostgresPart};
use crate::process::ProcessIdentity;
use crate::proxy::Proxy;
use crate::redis::{self, Durability, RedisPart};
use crate::run;
use crate::state::State;

/// The name of every server's port for clients.
const CLIENT: &str = "client";

/// The name in [`Ports`] of the port of the proxy in front of a server, which its clients connect to.
pub(crate) const FRONT: &str = "front";

/// A private server on a free port of 127.0.0.1, with its data in its own folder. A drop, also by a panic, stops it and
/// removes its data. After a killed test, the next start of a server or a [`Stack`] cleans up.
///
/// Clients reach it through a proxy, whose port in [`Server::url`] stays the same as long as the server exists. Every
/// call blocks. A start takes from 20 ms (Redis) to two thirds of a second (PostgreSQL), and longer the first time.
/// Starts wait for each other.
///
/// ```no_run
/// # fn main() -> anyhow::Result<()> {
/// use cachescope_harness::Server;
///
/// let mut server = Server::postgres()?;
/// // ... connect to server.url() ...
/// server.pause()?;
/// // ... a query gets no answer and times out ...
/// server.resume()?;
/// server.kill()?;
/// // ... connections are refused ...
/// server.restart()?;
/// # Ok(()) }
/// ```
///
/// [`Stack`]: crate::Stack
#[derive(Debug)]
pub struct Server {
    part: &'static dyn Part,
    program: PathBuf,
    url: String,
    state: State,
    proxy: Proxy,
    /// `None` after a kill.
    started: Option<Started>,
    keep_logs: bool,
}

impl Server {
    /// Starts Redis without persistence: it is empty after a restart.
    ///
    /// # Errors
    /// When it can't be installed or started; shows the end of its log.
    pub fn redis() -> Result<Self> {
        Self::start(&RedisPart(Durability::Volatile), redis::url)
    }

    /// Starts Redis with an append-only file: after a restart it has every acknowledged write.
    ///
    /// # Errors
    /// As [`Server::redis`].
    pub fn durable_redis() -> Result<Self> {
        Self::start(&RedisPart(Durability::Durable), redis::url)
    }

    /// Starts PostgreSQL. The URL names a user with all rights and without a password, and an empty database.
    ///
    /// # Errors
    /// As [`Server::redis`].
    pub fn postgres() -> Result<Self> {
        Self::start(&PostgresPart, postgres::url)
    }

    /// Starts MariaDB. The URL names a user with all rights, its password and an empty database.
    ///
    /// # Errors
    /// As [`Server::redis`].
    pub fn mariadb() -> Result<Self> {
        Self::start(&MariadbPart, mariadb::url)
    }

    /// Starts FerretDB, which implements MongoDB's protocol without TTL indexes, change streams and transactions.
    ///
    /// # Errors
    /// As [`Server::redis`]. The first use builds it, which takes Go and a minute.
    pub fn mongodb() -> Result<Self> {
        Self::start(&MongodbPart, mongodb::url)
    }

    /// Starts a double of CloudWatch's metrics API, which [`Cloudwatch`](crate::Cloudwatch) controls. It is empty after a
    /// restart.
    ///
    /// # Errors
    /// As [`Server::redis`]. The first use builds it, which takes Python, PyPI and a minute.
    pub fn cloudwatch() -> Result<Self> {
        Self::start(&CloudwatchPart, cloudwatch::url)
    }

    pub(crate) fn start(part: &'static dyn Part, url: fn(&str) -> String) -> Result<Self> {
        let cache = run::cache_folder()?;
        let program = part.program(&cache)?;
        let _alone = run::alone(&cache)?;
        run::sweep(&cache);
        launch::with_free_ports(|| {
            let proxy = Proxy::bind()?;
            let mut server = Self::create(&cache, part, &program, Ports::choose(&[part])?, proxy, url)?;
            server.launch()?;
            server.await_ready()?;
            Ok(server)
        })
    }

    /// Prepares a server and its folder without starting it.
    pub(crate) fn create(
        cache: &Path,
        part: &'static dyn Part,
        program: &Path,
        mut ports: Ports,
        proxy: Proxy,
        url: fn(&str) -> String,
    ) -> Result<Self> {
        ports.set(part.name(), FRONT, proxy.port());
        let folder = run::create(cache)?;
        let url = url(&ports.address(part.name(), FRONT));
        let state = State::new(Some(ProcessIdentity::own()?), folder.join(run::STATE), folder, ports);
        let program = program.to_owned();
        let server = Self { part, program, url, state, proxy, started: None, keep_logs: false };
        launch::prepare(part, cache, &server.program, &server.state.ports, &server.state.folder)?;
        Ok(server)
    }

    pub(crate) fn launch(&mut self) -> Result<()> {
        let (ports, folder) = (&self.state.ports, &self.state.folder);
        let started = launch::spawn(self.part, &self.program, ports, folder, false).inspect_err(|_| {
            self.keep_logs = true;
        })?;
        self.state.add(&started);
        self.started = Some(started);
        // At once, so that the next start can clean up after a killed test.
        self.state.write(&self.state.file)
    }

    /// Opens the proxy as soon as the server answers.
    pub(crate) fn await_ready(&mut self) -> Result<()> {
        let outcome = launch::await_ready(self.started.iter_mut(), &self.state.ports);
        self.keep_logs = outcome.is_err();
        outcome?;
        let address: SocketAddr = self.state.ports.address(self.part.name(), CLIENT).parse()?;
        self.proxy.open(address)
    }

    /// The URL for clients, with user, password and database if it has them.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The address for clients, `127.0.0.1:PORT`.
    pub fn address(&self) -> String {
        self.state.ports.address(self.part.name(), FRONT)
    }

    pub(crate) fn name(&self) -> &'static str {
        self.part.name()
    }

    pub(crate) fn ports(&self) -> &Ports {
        &self.state.ports
    }

    /// Whether it answers a probe in its protocol within a second.
    pub fn answers(&self) -> bool {
        let mut ports = self.state.ports.clone();
        ports.set(self.part.name(), CLIENT, self.proxy.port());
        matches!(self.part.ready(&ports), Ok(true))
    }

    /// Kills it and every process that it started with SIGKILL. Connections are refused from now on. Does nothing after an
    /// earlier kill.
    ///
    /// # Errors
    /// When it survives.
    pub fn kill(&mut self) -> Result<()> {
        if let Some(started) = &mut self.started {
            started.process.kill()?;
        }
        self.started = None;
        self.proxy.close();
        Ok(())
    }

    /// Starts it again with the same URL and data, after a kill if it still runs. Returns when it answers.
    ///
    /// # Errors
    /// When it can't be started; shows the end of its log.
    pub fn restart(&mut self) -> Result<()> {
        let _alone = run::alone(&run::cache_folder()?)?;
        launch::with_free_ports(|| {
            // Only the proxy uses this port, and another program may have taken it meanwhile.
            let port = Ports::choose(&[self.part])?.number(self.part.name(), CLIENT);
            self.state.ports.set(self.part.name(), CLIENT, port);
            // An earlier attempt may have left a process that runs but isn't ready.
            self.kill()?;
            self.launch()?;
            self.await_ready()
        })
    }

    /// Halts it and every process that it started with SIGSTOP: clients can connect but get no answers.
    ///
    /// # Errors
    /// When it doesn't run.
    pub fn pause(&mut self) -> Result<()> {
        family::pause(self.running()?)
    }

    /// Resumes a paused server.
    ///
    /// # Errors
    /// When it doesn't run.
    pub fn resume(&mut self) -> Result<()> {
        family::resume(self.running()?)
    }

    fn running(&mut self) -> Result<ProcessIdentity> {
        let name = self.part.name();
        let started = self.started.as_mut().with_context(|| format!("{name} was killed"))?;
        ensure!(started.process.alive(), "{name} doesn't run any more");
        Ok(started.process.identity)
    }

    /// Resets every present connection; new ones are accepted. When this returns, clients that read or write get their
    /// error.
    pub fn reset_connections(&self) {
        self.proxy.reset();
    }

    /// Resets every connection and refuses new ones, until [`Server::accept_connections`]. The server itself keeps running
    /// and keeps its data.
    pub fn refuse_connections(&mut self) {
        self.proxy.close();
    }

    /// Accepts connections again.
    ///
    /// # Errors
    /// When it was killed: use [`Server::restart`] then.
    pub fn accept_connections(&mut self) -> Result<()> {
        self.running()?;
        let address: SocketAddr = self.state.ports.address(self.part.name(), CLIENT).parse()?;
        self.proxy.open(address)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.proxy.close();
        if let Some(Err(error)) = self.started.as_mut().map(|started| started.process.stop(GRACE)) {
            // Its state file stays, so that the next start tries again.
            return eprintln!("cachescope-harness: {error:#}");
        }
        if let Ok(user) = self.part.user() {
            self.part.clear(&run::folder_of(self.part.name(), user, &self.state.folder));
        }
        std::fs::remove_file(&self.state.file).ok();
        if self.keep_logs || std::thread::panicking() {
            run::remove_data(&self.state.folder);
            eprintln!("cachescope-harness: logs kept in {}", self.state.folder.display());
        } else {
            run::remove(&self.state.folder);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::panic::{self, AssertUnwindSafe};

    /// The processes and the folders of a server.
    fn all_of(server: &Server) -> (Vec<ProcessIdentity>, Vec<PathBuf>) {
        let process = &server.started.as_ref().unwrap().process;
        let folder = run::folder_of(server.part.name(), server.part.user().unwrap(), &server.state.folder);
        (family::members(process.identity).unwrap(), vec![folder, server.state.folder.clone()])
    }

    #[test]
    fn dropped_server_leaves_no_process_and_no_file() -> Result<()> {
        for start in [Server::redis, Server::postgres, Server::mariadb, Server::mongodb] {
            let server = start()?;
            let (family, folders) = all_of(&server);
            assert!(!family.is_empty() && folders.iter().all(|folder| folder.exists()));
            drop(server);
            assert!(!family.iter().any(|member| member.alive()) && !folders.iter().any(|folder| folder.exists()));
        }
        Ok(())
    }

    #[test]
    fn panic_stops_the_server_and_keeps_only_its_log() -> Result<()> {
        let server = Server::postgres()?;
        let (family, folders) = all_of(&server);
        assert!(family.len() > 1, "PostgreSQL is several processes");
        let run = server.state.folder.clone();
        let outcome = panic::catch_unwind(AssertUnwindSafe(move || {
            let _server = server;
            panic!("a test that fails");
        }));
        assert!(outcome.is_err() && !family.iter().any(|member| member.alive()));
        assert!(!folders[0].exists() && run.join("postgres.log").exists());
        run::remove(&run);
        Ok(())
    }

    #[test]
    fn kill_ends_all_processes_and_drop_removes_the_files() -> Result<()> {
        let mut server = Server::postgres()?;
        let (family, folders) = all_of(&server);
        server.kill()?;
        assert!(!family.iter().any(|member| member.alive()));
        let file = std::fs::read_to_string(folders[0].join("data/postmaster.pid"))?;
        let memory = file.lines().nth(6).and_then(|line| line.split_whitespace().nth(1)).unwrap().to_owned();
        let left = || -> Result<bool> {
            let all = std::fs::read_to_string("/proc/sysvipc/shm")?;
            Ok(all.lines().any(|line| line.split_whitespace().nth(1) == Some(&memory)))
        };
        assert!(left()?, "no trace of its shared memory, so this test sees nothing");
        server.kill()?;
        drop(server);
        assert!(!left()? && !folders.iter().any(|folder| folder.exists()));
        Ok(())
    }

    #[test]
    fn next_start_cleans_up_after_a_killed_test_with_a_paused_server() -> Result<()> {
        let mut gone = std::process::Command::new("sleep").arg("60").spawn()?;
        let owner = ProcessIdentity::of(gone.id())?;
        gone.kill()?;
        gone.wait()?;
        let mut server = Server::postgres()?;
        let (family, folders) = all_of(&server);
        server.pause()?;
        let (file, folder, ports) = (&server.state.file, &server.state.folder, &server.state.ports);
        let mut state = State::new(Some(owner), file.clone(), folder.clone(), ports.clone());
        state.add(server.started.as_ref().unwrap());
        let alone = run::alone(&run::cache_folder()?)?;
        state.write(file)?;
        std::mem::forget(server);
        run::sweep(&run::cache_folder()?);
        drop(alone);
        assert!(!family.iter().any(|member| member.alive()) && !folders.iter().any(|folder| folder.exists()));
        Ok(())
    }

    #[test]
    fn server_can_be_sent_to_another_thread() {
        fn may<T: Send + Sync>() {}
        may::<Server>();
    }
}
