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
use crate::process::StopSignal;
use crate::stack::Stack;
use crate::tree;
use crate::user::{self, User};

const NAME: &str = "postgres";

/// The name of the user and of the database. Connections over loopback need no password.
const DATABASE: &str = "cachescope";

/// The settings of new files. Log segments have 1 MiB instead of 16, as each start of a stack copies one.
const INITIALISE: &[&str] =
    &["--username=cachescope", "--auth=trust", "--encoding=UTF8", "--locale=C", "--wal-segsize=1", "--no-sync"];

/// The statements of the single-user mode. They drop databases: each has three hundred files, which take a quarter of
/// a second to copy. The template and the database of the tests stay.
const SET_UP: &str = "ALTER DATABASE postgres RENAME TO cachescope
UPDATE pg_database SET datistemplate = false WHERE datname = 'template0'
DROP DATABASE template0
";

/// Small files, and no protection against crashes of the machine. A killed server loses no more than in production.
const SETTINGS: &[&str] = &[
    "listen_addresses=127.0.0.1",
    // No socket: nothing uses one, and its path may be too long.
    "unix_socket_directories=",
    // Files in its own folder, instead of shared memory that outlives a killed server.
    "dynamic_shared_memory_type=mmap",
    "fsync=off",
    "full_page_writes=off",
    "jit=off",
    "max_wal_senders=0",
    "shared_buffers=16MB",
    "wal_level=minimal",
];

/// The startup message of version 3.0 of the protocol, for the user and the database `cachescope`.
const HELLO: &[u8] = b"\0\0\0\x2d\0\x03\0\0user\0cachescope\0database\0cachescope\0\0";

/// The message ReadyForQuery, which follows an accepted startup message.
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
        // It searches its other programs in its own folder, which isn't the folder of a link to it.
        let program = package::program("postgresql", "postgres")?.canonicalize()?;
        template(cache, &program)?;
        Ok(program)
    }

    /// It refuses to run as root. Its package creates a user for it.
    fn user(&self) -> Result<Option<User>> {
        user::root()?.then(|| User::named("postgres")).transpose()
    }

    fn prepare(&self, cache: &Path, program: &Path, _ports: &Ports, folder: &Path) -> Result<()> {
        tree::copy(&template(cache, program)?.join("data"), &folder.join("data"))
    }

    /// Removes the shared memory segment by which another start on the same files sees that it runs. The seventh line of
    /// this file, which exists until an orderly end, has the key and the number of the segment.
    fn clear(&self, folder: &Path) {
        let text = fs::read_to_string(folder.join("data/postmaster.pid")).unwrap_or_default();
        if let Some(number) = text.lines().nth(6).and_then(|line| line.split_whitespace().nth(1)) {
            Command::new("ipcrm").args(["-m", number]).output().ok();
        }
    }

    /// After SIGTERM it would wait until the last client disconnects.
    fn ending(&self) -> StopSignal {
        StopSignal::Interrupt
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

/// A folder whose `data` holds the files of a new server. Made on first use, which takes about a second.
fn template(cache: &Path, program: &Path) -> Result<PathBuf> {
    let version = command::succeed(Command::new(program).arg("--version"), "")?;
    let id = once::id(NAME, INITIALISE.iter().copied().chain([version.as_str(), SET_UP]));
    once::folder(&cache.join("templates"), &id, |folder| initialise(program, folder))
}

fn initialise(program: &Path, folder: &Path) -> Result<()> {
    let owner = PostgresPart.user()?;
    // Not in the cache folder, which may be closed to its user.
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
    // After a statement that fails it continues, and reports the error only in its log.
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
    /// The URL of PostgreSQL, `postgres://USER@127.0.0.1:PORT/DATABASE`; the user has all rights, and there are no other
    /// databases. All tests of a run share the server: use unique table names.
    pub fn postgres(&self) -> String {
        url(&self.ports().address(NAME, "client"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn startup_message_has_its_length_and_the_names_of_the_url() {
        assert_eq!(HELLO[..4], u32::try_from(HELLO.len()).unwrap().to_be_bytes());
        assert_eq!(String::from_utf8_lossy(HELLO).matches(DATABASE).count(), 2);
        assert!(SET_UP.contains(&format!("TO {DATABASE}\n")));
        assert!(INITIALISE[0].ends_with(&format!("={DATABASE}")));
    }
}
