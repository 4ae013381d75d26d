//! PostgreSQL.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use crate::command;
use crate::once;
use crate::package;
use crate::part::Part;
use crate::ports::Ports;
use crate::probe;
use crate::process::Ending;
use crate::stack::Stack;
use crate::tree;
use crate::user::{self, User};

const NAME: &str = "postgres";

/// The user and the database there are. Whoever comes over loopback is believed to be that user.
const DATABASE: &str = "cachescope";

/// How its files are made. Pieces of log of 1 MiB instead of 16, as every start of a stack copies one.
const INITIALISE: &[&str] =
    &["--username=cachescope", "--auth=trust", "--encoding=UTF8", "--locale=C", "--wal-segsize=1", "--no-sync"];

/// Run with the server alone. Each database is three hundred files, which take a quarter of a second to copy: the two
/// that stay are ours and the one that new ones are made from.
const SET_UP: &str = "ALTER DATABASE postgres RENAME TO cachescope
UPDATE pg_database SET datistemplate = false WHERE datname = 'template0'
DROP DATABASE template0
";

/// Small, and without what guards against crashes of the machine: a killed server loses no more than in production.
const SETTINGS: &[&str] = &[
    "listen_addresses=127.0.0.1",
    // A path for a socket may be too long for one; nobody needs it.
    "unix_socket_directories=",
    // Files in its own folder instead of shared memory that outlives a killed server.
    "dynamic_shared_memory_type=mmap",
    "fsync=off",
    "full_page_writes=off",
    "jit=off",
    "max_wal_senders=0",
    "shared_buffers=16MB",
    "wal_level=minimal",
];

/// Says in its own words "cachescope wants to talk to the database cachescope", version 3.0 of its protocol.
const HELLO: &[u8] = b"\0\0\0\x2d\0\x03\0\0user\0cachescope\0database\0cachescope\0\0";

/// "Your turn": it follows when the user is let in.
const READY: &[u8] = b"Z\0\0\0\x05I";

#[derive(Debug)]
pub(crate) struct PostgresPart;

impl Part for PostgresPart {
    fn name(&self) -> &'static str {
        NAME
    }

    fn ports(&self) -> &'static [&'static str] {
        &["client"]
    }

    fn program(&self, cache: &Path) -> Result<PathBuf> {
        // Its other programs are looked for beside it, which is not where a link to it lies.
        let program = package::program("postgresql", "postgres")?.canonicalize()?;
        template(cache, &program)?;
        Ok(program)
    }

    /// It refuses to run as root; its package brings a user for it.
    fn user(&self) -> Result<Option<User>> {
        user::root()?.then(|| User::named("postgres")).transpose()
    }

    fn prepare(&self, cache: &Path, program: &Path, _ports: &Ports, folder: &Path) -> Result<()> {
        tree::copy(&template(cache, program)?.join("data"), &folder.join("data"))
    }

    /// The piece of shared memory by which another start on the same files sees that it runs. The seventh line of this
    /// file, which is there until an orderly end, is that memory's key and number.
    fn clear(&self, folder: &Path) {
        let text = fs::read_to_string(folder.join("data/postmaster.pid")).unwrap_or_default();
        if let Some(number) = text.lines().nth(6).and_then(|line| line.split_whitespace().nth(1)) {
            Command::new("ipcrm").args(["-m", number]).output().ok();
        }
    }

    /// Asked by SIGTERM, it waits until the last client has gone.
    fn ending(&self) -> Ending {
        Ending::Interrupt
    }

    fn command(&self, program: &Path, ports: &Ports, folder: &Path) -> Result<Command> {
        let mut command = Command::new(program);
        command.arg("-D").arg(folder.join("data")).args(["-p", &ports.number(NAME, "client").to_string()]);
        command.args(SETTINGS.iter().flat_map(|setting| ["-c", setting]));
        Ok(command)
    }

    fn ready(&self, ports: &Ports) -> Result<bool> {
        probe::answers(&ports.address(NAME, "client"), HELLO, |answer| probe::contains(answer, READY))
    }
}

/// A folder whose `data` is that of a server that never ran, made on first use: about a second.
fn template(cache: &Path, program: &Path) -> Result<PathBuf> {
    let version = command::succeed(Command::new(program).arg("--version"), "")?;
    let id = once::id(NAME, INITIALISE.iter().copied().chain([version.as_str(), SET_UP]));
    once::folder(&cache.join("templates"), &id, |folder| initialise(program, folder))
}

fn initialise(program: &Path, folder: &Path) -> Result<()> {
    let owner = PostgresPart.user()?;
    // Not in the cache folder, which its user may be unable to enter.
    let place = tempfile::Builder::new().prefix("cachescope-").permissions(Permissions::from_mode(0o711)).tempdir()?;
    let data = place.path().join("data");
    fs::create_dir(&data)?;
    let run = |command: &mut Command, input: &str| {
        if let Some(owner) = owner {
            owner.run(command);
        }
        command::succeed(command.current_dir(place.path()), input)
    };
    if let Some(owner) = owner {
        tree::give(&data, owner)?;
    }
    run(Command::new(program.with_file_name("initdb")).args(INITIALISE).arg("--pgdata").arg(&data), "")
        .context("cannot make PostgreSQL's files")?;
    // It goes on after a statement that fails, and says so only in its log.
    run(
        Command::new(program).args(["--single", "-F", "-c", "exit_on_error=on", "-D"]).arg(&data).arg("template1"),
        SET_UP,
    )
    .context("cannot make PostgreSQL's database")?;
    tree::copy(&data, &folder.join("data"))
}

/// The URL of the server at `address`.
pub(crate) fn url(address: &str) -> String {
    format!("postgres://{DATABASE}@{address}/{DATABASE}")
}

impl Stack {
    /// PostgreSQL, as `postgres://USER@127.0.0.1:PORT/DATABASE`; the user may do everything, and there are no other
    /// databases. All tests of a run share
    /// it: use tables of your own.
    pub fn postgres(&self) -> String {
        url(&self.ports().address(NAME, "client"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_greeting_tells_its_own_length_and_the_names_in_the_url() {
        assert_eq!(HELLO[..4], u32::try_from(HELLO.len()).unwrap().to_be_bytes());
        assert_eq!(String::from_utf8_lossy(HELLO).matches(DATABASE).count(), 2);
        assert!(SET_UP.contains(&format!("TO {DATABASE}\n")));
        assert!(INITIALISE[0].ends_with(&format!("={DATABASE}")));
    }
}
