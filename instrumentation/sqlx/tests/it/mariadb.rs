//! A MariaDB server.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use sqlx::mysql::{MySqlConnectOptions, MySqlPool, MySqlPoolOptions};

use crate::promises::{self, eventually};
use crate::server::{Server, as_user, done, is_root, program};

pub(crate) fn start() -> Server {
    Server::start(prepare, command)
}

/// A pool of `connections` to it, once it answers.
pub(crate) async fn pool(server: &mut Server, connections: u32) -> MySqlPool {
    let options = MySqlConnectOptions::new().host("127.0.0.1").port(server.port()).username("root").database("test");
    let pool = MySqlPoolOptions::new().max_connections(connections).acquire_timeout(Duration::from_secs(10));
    let pool = pool.connect_lazy_with(options);
    eventually("MariaDB answers", async || {
        server.check();
        pool.acquire().await.is_ok()
    })
    .await;
    pool
}

fn prepare(folder: &Path) {
    let mut install = of_mariadb("mariadb-install-db", folder);
    install.args(["--no-defaults", "--auth-root-authentication-method=normal", "--skip-name-resolve"]);
    done(install.arg(format!("--datadir={}", folder.join("data").display())));
}

fn command(folder: &Path, port: u16) -> Command {
    let mut command = of_mariadb("mariadbd", folder);
    command.args(["--no-defaults", "--skip-networking=0", "--bind-address=127.0.0.1", "--skip-name-resolve"]);
    command.args(["--max-allowed-packet=64M", "--innodb-log-file-size=160M", "--innodb-flush-log-at-trx-commit=0"]);
    command.arg(format!("--port={port}"));
    for (option, file) in [("datadir", "data"), ("socket", "socket"), ("pid-file", "pid")] {
        command.arg(format!("--{option}={}", folder.join(file).display()));
    }
    command
}

/// MariaDB refuses to be run by root.
fn of_mariadb(name: &str, folder: &Path) -> Command {
    let program = program(name, "mariadb-server", &["/usr/sbin".into()]);
    let mut command = if is_root() { as_user("mysql", folder, &program) } else { Command::new(program) };
    command.current_dir(folder);
    command
}

#[tokio::test(flavor = "multi_thread")]
async fn mariadb_keeps_its_promises() {
    let mut server = start();
    let pool = pool(&mut server, 10).await;
    promises::all(cachescope_sqlx::MySql::new(pool), false).await;
}
