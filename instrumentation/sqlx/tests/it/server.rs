//! A database server of the tests' own.

use std::io::{Read, Seek, SeekFrom};
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// A server on a free port of the loopback interface, with its data in a folder that goes with it.
pub(crate) struct Server {
    folder: TempDir,
    port: u16,
    command: fn(&Path, u16) -> Command,
    process: Option<Child>,
}

impl Server {
    /// Makes a folder, `prepare`s it, and starts what `command` says.
    pub(crate) fn start(prepare: fn(&Path), command: fn(&Path, u16) -> Command) -> Self {
        let folder = tempfile::Builder::new().prefix("cachescope-sqlx-").tempdir().unwrap();
        prepare(folder.path());
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port();
        let mut server = Self { folder, port, command, process: None };
        server.run();
        server
    }

    pub(crate) const fn port(&self) -> u16 {
        self.port
    }

    /// Starts it again, after a [`crash`](Self::crash).
    pub(crate) fn run(&mut self) {
        let log = std::fs::File::create(self.log()).unwrap();
        let mut command = (self.command)(self.folder.path(), self.port);
        command.stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log);
        self.process = Some(spawn(&mut command));
    }

    /// Ends it without a good-bye.
    pub(crate) fn crash(&mut self) {
        let Some(mut process) = self.process.take() else { return };
        // PostgreSQL's processes end together on QUIT. For MariaDB's one that is as good as KILL.
        if is_running(&mut process) {
            done(Command::new("kill").args(["-QUIT", &process.id().to_string()]));
        }
        let begun = Instant::now();
        while is_running(&mut process) {
            if begun.elapsed() > Duration::from_secs(20) {
                process.kill().unwrap();
            }
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// Fails with its log if it has ended.
    pub(crate) fn check(&mut self) {
        let process = self.process.as_mut().expect("it was started");
        assert!(is_running(process), "the server has ended:\n{}", self.said());
    }

    fn log(&self) -> PathBuf {
        self.folder.path().join("server.log")
    }

    /// The end of its log.
    pub(crate) fn said(&self) -> String {
        let mut said = String::new();
        if let Ok(mut log) = std::fs::File::open(self.log()) {
            let length = log.metadata().map_or(0, |about| about.len());
            log.seek(SeekFrom::Start(length.saturating_sub(4_000))).unwrap();
            log.read_to_string(&mut said).ok();
        }
        said
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.crash();
    }
}

fn is_running(process: &mut Child) -> bool {
    matches!(process.try_wait(), Ok(None))
}

fn spawn(command: &mut Command) -> Child {
    command.spawn().unwrap_or_else(|error| panic!("cannot run {}: {error}", command.get_program().display()))
}

/// Runs it to its end, and fails with what it said if that isn't a good one.
pub(crate) fn done(command: &mut Command) {
    let program = command.get_program().to_owned();
    let output = command.stdin(Stdio::null()).output();
    let output = output.unwrap_or_else(|error| panic!("cannot run {}: {error}", program.display()));
    let said = [output.stdout, output.stderr].concat();
    assert!(output.status.success(), "{}: {}", program.display(), String::from_utf8_lossy(&said));
}

/// Whether this is the superuser, whom database servers don't want to be run by.
pub(crate) fn is_root() -> bool {
    id(&["-u"]) == 0
}

/// Runs `program` as the user called `name`, to whom `folder` is given. The process is the program's own, so that what
/// it is sent reaches it.
pub(crate) fn as_user(name: &str, folder: &Path, program: &Path) -> Command {
    let (user, group) = (id(&["-u", name]), id(&["-g", name]));
    std::os::unix::fs::chown(folder, Some(user), Some(group)).unwrap();
    let mut command = Command::new(program);
    command.uid(user).gid(group);
    command
}

fn id(which: &[&str]) -> u32 {
    let id = Command::new("id").args(which).output().expect("there is a program called id");
    let said = String::from_utf8_lossy(&[id.stdout, id.stderr].concat()).trim().to_owned();
    said.parse().unwrap_or_else(|_| panic!("no user to run a database server as: {said}"))
}

/// The program called `name`, in `folders` or on the path.
pub(crate) fn program(name: &str, package: &str, folders: &[PathBuf]) -> PathBuf {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut places = folders.iter().cloned().chain(std::env::split_paths(&path));
    let found = places.find_map(|folder| Some(folder.join(name)).filter(|program| program.is_file()));
    found.unwrap_or_else(|| panic!("no program {name}, which these tests need: install {package}"))
}
