//! A server that is one test's own, to be mistreated.

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
use crate::process::Identity;
use crate::proxy::Proxy;
use crate::redis::{self, Durability, RedisPart};
use crate::run;
use crate::state::State;

/// What every server calls the port for clients.
const CLIENT: &str = "client";

/// What [`Ports`] calls the port of the proxy before a server, which is the one its clients know.
pub(crate) const FRONT: &str = "front";

/// A private server on a free port of 127.0.0.1 with its data in a folder of its own. Dropped, also by a panic, it is
/// stopped and its data removed; what a killed test leaves behind, the next start of a server or a [`Stack`] clears up.
///
/// Clients reach it through a proxy, whose port in [`Server::url`] stays the same for its whole life. Every call blocks;
/// a start takes from 20 ms (Redis) to two thirds of a second (PostgreSQL), the very first one longer. Starts wait for each other.
///
/// ```no_run
/// # fn main() -> anyhow::Result<()> {
/// use cachescope_stack::Server;
///
/// let mut server = Server::postgres()?;
/// // ... connect to server.url() ...
/// server.pause()?;
/// // ... a query gets no answer; past its time limit it is given up ...
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
    /// None after it was killed.
    started: Option<Started>,
    keep_logs: bool,
}

impl Server {
    /// Redis without persistence: restarted, it is empty.
    ///
    /// # Errors
    /// When it cannot be had or started; shows the end of its log.
    pub fn redis() -> Result<Self> {
        Self::start(&RedisPart(Durability::Volatile), redis::url)
    }

    /// Redis with an append-only file: restarted, it knows every write it answered.
    ///
    /// # Errors
    /// As [`Server::redis`].
    pub fn durable_redis() -> Result<Self> {
        Self::start(&RedisPart(Durability::Durable), redis::url)
    }

    /// PostgreSQL. The URL names a user that may do everything, without a password, and an empty database.
    ///
    /// # Errors
    /// As [`Server::redis`].
    pub fn postgres() -> Result<Self> {
        Self::start(&PostgresPart, postgres::url)
    }

    /// MariaDB. The URL names a user that may do everything, its password and an empty database.
    ///
    /// # Errors
    /// As [`Server::redis`].
    pub fn mariadb() -> Result<Self> {
        Self::start(&MariadbPart, mariadb::url)
    }

    /// FerretDB, which speaks MongoDB's protocol but knows no expiring indexes, change streams or transactions.
    ///
    /// # Errors
    /// As [`Server::redis`]; building it on first use takes Go and a minute.
    pub fn mongodb() -> Result<Self> {
        Self::start(&MongodbPart, mongodb::url)
    }

    /// CloudWatch's metrics API, a double; [`Cloudwatch`](crate::Cloudwatch) has it fail and asks it what it took.
    /// Restarted, it is empty.
    ///
    /// # Errors
    /// As [`Server::redis`]; building it on first use takes Python, PyPI and a minute.
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

    /// With its folder made ready, but not started yet.
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
        let state = State::new(Some(Identity::own()?), folder.join(run::STATE), folder, ports);
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
        // At once, so that a killed test leaves word of what it started.
        self.state.write(&self.state.file)
    }

    /// Lets clients in as soon as it answers.
    pub(crate) fn await_ready(&mut self) -> Result<()> {
        let outcome = launch::await_ready(self.started.iter_mut(), &self.state.ports);
        self.keep_logs = outcome.is_err();
        outcome?;
        let address: SocketAddr = self.state.ports.address(self.part.name(), CLIENT).parse()?;
        self.proxy.open(address)
    }

    /// How a client names it, with user, password and database where it has those.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Where clients reach it, `127.0.0.1:PORT`.
    pub fn address(&self) -> String {
        self.state.ports.address(self.part.name(), FRONT)
    }

    pub(crate) fn name(&self) -> &'static str {
        self.part.name()
    }

    pub(crate) fn ports(&self) -> &Ports {
        &self.state.ports
    }

    /// Whether it answers a client that asks the way its protocol has it, within a second.
    pub fn answers(&self) -> bool {
        let mut ports = self.state.ports.clone();
        ports.set(self.part.name(), CLIENT, self.proxy.port());
        matches!(self.part.ready(&ports), Ok(true))
    }

    /// Ends it by SIGKILL, with every process it started; from now on connections are refused. Does nothing to one that
    /// is killed already.
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

    /// Starts it anew with the same URL and its data, after killing it if it still runs. Returns when it answers.
    ///
    /// # Errors
    /// When it cannot be started; shows the end of its log.
    pub fn restart(&mut self) -> Result<()> {
        let _alone = run::alone(&run::cache_folder()?)?;
        launch::with_free_ports(|| {
            // Nobody knows this one but the proxy, so it may have gone to somebody else.
            let port = Ports::choose(&[self.part])?.number(self.part.name(), CLIENT);
            self.state.ports.set(self.part.name(), CLIENT, port);
            // An earlier attempt may have left one that runs but is not ready.
            self.kill()?;
            self.launch()?;
            self.await_ready()
        })
    }

    /// Halts it by SIGSTOP, with every process it started: connections are still made, but nothing is answered.
    ///
    /// # Errors
    /// When it does not run.
    pub fn pause(&mut self) -> Result<()> {
        family::pause(self.running()?)
    }

    /// Lets a paused one go on.
    ///
    /// # Errors
    /// When it does not run.
    pub fn resume(&mut self) -> Result<()> {
        family::resume(self.running()?)
    }

    fn running(&mut self) -> Result<Identity> {
        let name = self.part.name();
        let started = self.started.as_mut().with_context(|| format!("{name} was killed"))?;
        ensure!(started.process.alive(), "{name} does not run any more");
        Ok(started.process.identity)
    }

    /// Resets every connection there is; new ones are made as before. When this returns, clients that read or write get
    /// their error.
    pub fn reset_connections(&self) {
        self.proxy.reset();
    }

    /// Resets every connection and refuses new ones, until [`Server::accept_connections`]. The server itself runs on and
    /// keeps what it has.
    pub fn refuse_connections(&mut self) {
        self.proxy.close();
    }

    /// Takes connections again.
    ///
    /// # Errors
    /// When it was killed: then it takes a [`Server::restart`].
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
            // Its state stays, by which the next start tries again.
            return eprintln!("cachescope-stack: {error:#}");
        }
        if let Ok(user) = self.part.user() {
            self.part.clear(&run::folder_of(self.part.name(), user, &self.state.folder));
        }
        std::fs::remove_file(&self.state.file).ok();
        if self.keep_logs || std::thread::panicking() {
            run::remove_data(&self.state.folder);
            eprintln!("cachescope-stack: logs kept in {}", self.state.folder.display());
        } else {
            run::remove(&self.state.folder);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::panic::{self, AssertUnwindSafe};

    /// Its processes and its folders.
    fn all_of(server: &Server) -> (Vec<Identity>, Vec<PathBuf>) {
        let process = &server.started.as_ref().unwrap().process;
        let folder = run::folder_of(server.part.name(), server.part.user().unwrap(), &server.state.folder);
        (family::members(process.identity).unwrap(), vec![folder, server.state.folder.clone()])
    }

    #[test]
    fn after_the_drop_nothing_of_it_runs_or_lies_about() -> Result<()> {
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
    fn a_panic_stops_it_and_leaves_only_its_log() -> Result<()> {
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
    fn killed_all_its_processes_are_gone_and_dropped_the_rest_is() -> Result<()> {
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
    fn what_a_killed_test_left_is_cleared_up_even_if_it_is_paused() -> Result<()> {
        let mut gone = std::process::Command::new("sleep").arg("60").spawn()?;
        let owner = Identity::of(gone.id())?;
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
    fn it_may_go_to_another_thread() {
        fn may<T: Send + Sync>() {}
        may::<Server>();
    }
}
