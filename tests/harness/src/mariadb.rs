//! MariaDB.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use crate::command;
use crate::once;
use crate::package;
use crate::part::Part;
use crate::ports::Ports;
use crate::probe;
use crate::stack::Stack;
use crate::tree;
use crate::user;

const NAME: &str = "mariadb";

/// The name of the user, of its password and of the database.
const DATABASE: &str = "cachescope";

/// The statements of the bootstrap mode, in which the server knows no users: the first one loads its tables of users.
const SET_UP: &str = "FLUSH PRIVILEGES;
CREATE DATABASE cachescope CHARACTER SET utf8mb4;
CREATE USER cachescope@'127.0.0.1' IDENTIFIED BY 'cachescope';
GRANT ALL ON *.* TO cachescope@'127.0.0.1';
";

/// Small files, and no protection against crashes of the machine. A killed server loses no more than in production.
/// The first settings determine the format of the files.
const SETTINGS: &[&str] = &[
    "--innodb-log-file-size=8M",
    "--innodb-undo-tablespaces=0",
    "--innodb-buffer-pool-size=16M",
    "--innodb-doublewrite=0",
    "--innodb-flush-log-at-trx-commit=2",
    "--innodb-flush-method=nosync",
    // Some kernels and containers lack it.
    "--innodb-use-native-aio=0",
    "--performance-schema=off",
    "--skip-name-resolve",
];

#[derive(Debug)]
pub(crate) struct MariadbPart;

impl Part for MariadbPart {
    fn name(&self) -> &'static str {
        NAME
    }

    fn ports(&self) -> &'static [&'static str] {
        &["client"]
    }

    fn program(&self, cache: &Path) -> Result<PathBuf> {
        let program = package::program("mariadb-server", "mariadbd")?;
        template(cache, &program)?;
        Ok(program)
    }

    fn prepare(&self, cache: &Path, program: &Path, _ports: &Ports, folder: &Path) -> Result<()> {
        tree::copy(&template(cache, program)?.join("data"), &folder.join("data"))
    }

    fn command(&self, program: &Path, ports: &Ports, folder: &Path) -> Result<Command> {
        let mut command = server(program, &folder.join("data"))?;
        command.args(["--bind-address=127.0.0.1", &format!("--port={}", ports.number(NAME, "client"))]);
        // Relative to its folder: an absolute path may be too long for a socket.
        command.args(["--socket=mariadb.sock", "--pid-file=mariadb.pid"]);
        Ok(command)
    }

    /// The server greets first, with version 10 of its protocol, once it accepts clients. A refusal is another message.
    fn ready(&self, ports: &Ports) -> Result<bool> {
        probe::answers(&ports.address(NAME, "client"), b"", |greeting| greeting.get(4) == Some(&10))
    }
}

fn server(program: &Path, data: &Path) -> Result<Command> {
    let mut command = Command::new(program);
    command.arg("--no-defaults").args(SETTINGS).arg(format!("--datadir={}", data.display()));
    if user::root()? {
        // It runs as root only with this flag.
        command.arg("--user=root");
    }
    Ok(command)
}

/// A folder whose `data` holds the files of a new server. Made on first use, which takes a few seconds.
fn template(cache: &Path, program: &Path) -> Result<PathBuf> {
    let version = command::succeed(Command::new(program).args(["--no-defaults", "--version"]), "")?;
    let id = once::id(NAME, SETTINGS.iter().copied().chain([version.as_str(), SET_UP]));
    once::folder(&cache.join("templates"), &id, |folder| initialise(program, &folder.join("data")))
}

fn initialise(program: &Path, data: &Path) -> Result<()> {
    let mut install = Command::new(package::program("mariadb-server", "mariadb-install-db")?);
    install.args(["--no-defaults", "--auth-root-authentication-method=normal", "--skip-test-db"]).args(SETTINGS);
    install.arg(format!("--datadir={}", data.display()));
    if user::root()? {
        install.arg("--user=root");
    }
    command::succeed(&mut install, "").context("cannot make MariaDB's files")?;
    command::succeed(server(program, data)?.arg("--bootstrap"), SET_UP).context("cannot make MariaDB's database")?;
    Ok(())
}

/// The URL of the server at `address`.
pub(crate) fn url(address: &str) -> String {
    format!("mysql://{DATABASE}:{DATABASE}@{address}/{DATABASE}")
}

impl Stack {
    /// The URL of MariaDB, `mysql://USER:PASSWORD@127.0.0.1:PORT/DATABASE`; the user has all rights. All tests of a run
    /// share the server: use unique table names.
    pub fn mariadb(&self) -> String {
        url(&self.ports().address(NAME, "client"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn url_has_the_names_of_the_set_up() {
        assert!(SET_UP.contains(&format!("DATABASE {DATABASE} ")));
        assert!(SET_UP.contains(&format!("USER {DATABASE}@'127.0.0.1' IDENTIFIED BY '{DATABASE}'")));
    }
}
