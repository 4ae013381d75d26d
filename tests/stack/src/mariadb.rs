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

/// The user, the password and the database there are.
const DATABASE: &str = "cachescope";

/// Run with the server alone, so in terms of its own tables: the first statement makes it read them.
const SET_UP: &str = "FLUSH PRIVILEGES;
CREATE DATABASE cachescope CHARACTER SET utf8mb4;
CREATE USER cachescope@'127.0.0.1' IDENTIFIED BY 'cachescope';
GRANT ALL ON *.* TO cachescope@'127.0.0.1';
";

/// Small, and without what guards against crashes of the machine: a killed server loses no more than in production.
/// The first ones decide how its files look.
const SETTINGS: &[&str] = &[
    "--innodb-log-file-size=8M",
    "--innodb-undo-tablespaces=0",
    "--innodb-buffer-pool-size=16M",
    "--innodb-doublewrite=0",
    "--innodb-flush-log-at-trx-commit=2",
    "--innodb-flush-method=nosync",
    // Not every kernel and container has it.
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
        // In its folder: a whole path may be too long for a socket.
        command.args(["--socket=mariadb.sock", "--pid-file=mariadb.pid"]);
        Ok(command)
    }

    /// It greets first, and only when it lets clients in. A refusal is no greeting: that is version 10 of its protocol.
    fn ready(&self, ports: &Ports) -> Result<bool> {
        probe::answers(&ports.address(NAME, "client"), b"", |greeting| greeting.get(4) == Some(&10))
    }
}

fn server(program: &Path, data: &Path) -> Result<Command> {
    let mut command = Command::new(program);
    command.arg("--no-defaults").args(SETTINGS).arg(format!("--datadir={}", data.display()));
    if user::root()? {
        // It runs as root only if told so.
        command.arg("--user=root");
    }
    Ok(command)
}

/// A folder whose `data` is that of a server that never ran, made on first use: a few seconds.
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
    /// MariaDB, as `mysql://USER:PASSWORD@127.0.0.1:PORT/DATABASE`; the user may do everything. All tests of a run share
    /// it: use tables of your own.
    pub fn mariadb(&self) -> String {
        url(&self.ports().address(NAME, "client"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_url_names_what_the_set_up_makes() {
        assert!(SET_UP.contains(&format!("DATABASE {DATABASE} ")));
        assert!(SET_UP.contains(&format!("USER {DATABASE}@'127.0.0.1' IDENTIFIED BY '{DATABASE}'")));
    }
}
