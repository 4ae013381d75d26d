//! A PostgreSQL server.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgPool, PgPoolOptions};

use crate::promises::{self, eventually};
use crate::server::{Server, as_user, done, is_root, program};

pub(crate) fn start() -> Server {
    Server::start(prepare, command)
}

/// A pool of `connections` to it, once it answers.
pub(crate) async fn pool(server: &mut Server, connections: u32) -> PgPool {
    let options = PgConnectOptions::new_without_pgpass().host("127.0.0.1").port(server.port());
    let options = options.username("tester").database("postgres");
    let pool = PgPoolOptions::new().max_connections(connections).acquire_timeout(Duration::from_secs(10));
    let pool = pool.connect_lazy_with(options);
    eventually("PostgreSQL answers", async || {
        server.check();
        pool.acquire().await.is_ok()
    })
    .await;
    pool
}

fn prepare(folder: &Path) {
    let mut init = of_postgres("initdb", folder);
    init.args(["--username=tester", "--auth=trust", "--encoding=UTF8", "--locale=C.UTF-8", "--no-sync"]);
    done(init.arg("-D").arg(folder.join("data")));
}

fn command(folder: &Path, port: u16) -> Command {
    let mut command = of_postgres("postgres", folder);
    command.arg("-D").arg(folder.join("data")).args(["-p", &port.to_string(), "-k", "", "-F"]);
    command.args(["-c", "listen_addresses=127.0.0.1"]);
    command
}

/// PostgreSQL refuses to be run by root.
fn of_postgres(name: &str, folder: &Path) -> Command {
    let program = program(name, "postgresql", &installed());
    let mut command = if is_root() { as_user("postgres", folder, &program) } else { Command::new(program) };
    command.current_dir(folder);
    command
}

/// Debian keeps its versions apart, and off the path.
fn installed() -> Vec<PathBuf> {
    let versions = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let mut folders: Vec<PathBuf> = versions.map(|version| version.path().join("bin")).collect();
    folders.sort();
    folders.reverse();
    folders
}

#[tokio::test(flavor = "multi_thread")]
async fn postgres_keeps_its_promises() {
    let mut server = start();
    let pool = pool(&mut server, 10).await;
    promises::all(cachescope_sqlx::Postgres::new(pool), true).await;
}
