//! The contract suite on every store of bytes.

use cachescope::{ByteStore, FileStore, Redis, Sqlite};
use cachescope_core::contract::{Promises, check};
use cachescope_stack::Server;
use cachescope_tests::opened::open;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode};
use sqlx::{SqlitePool, sqlite::SqlitePoolOptions};

pub(crate) fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap()
}

pub(crate) async fn sqlite(folder: &std::path::Path) -> Sqlite {
    let options = SqliteConnectOptions::new().filename(folder.join("entries.sqlite")).create_if_missing(true);
    let pool: SqlitePool =
        SqlitePoolOptions::new().connect_with(options.journal_mode(SqliteJournalMode::Wal)).await.unwrap();
    let store = Sqlite::new(pool);
    store.create_table().await.unwrap();
    store
}

async fn keeps(store: &dyn ByteStore, promises: Promises) {
    let broken = check(store, promises).await.err().unwrap_or_default();
    let broken: Vec<String> = broken.iter().map(ToString::to_string).collect();
    assert_eq!(broken, Vec::<String>::new(), "{}", store.kind());
}

fn server_keeps(server: &Server, promises: Promises) {
    runtime().block_on(async { keeps(&open(server.url()).await.unwrap(), promises).await });
}

#[test]
fn files_keep_the_contract() {
    let folder = tempfile::tempdir().unwrap();
    let promises = Promises { sweeps: true, ..Promises::default() };
    runtime().block_on(keeps(&FileStore::in_folder(folder.path()), promises));
}

#[test]
fn sqlite_keeps_the_contract() {
    let folder = tempfile::tempdir().unwrap();
    runtime().block_on(async {
        keeps(&sqlite(folder.path()).await, Promises { sweeps: true, ..Promises::default() }).await;
    });
}

#[test]
fn redis_keeps_the_contract() {
    server_keeps(&Server::redis().unwrap(), Promises { notices: true, ..Promises::default() });
}

#[test]
fn a_redis_cluster_keeps_the_contract() {
    let cluster = Server::redis_cluster().unwrap();
    runtime().block_on(async {
        let store = Redis::connect_cluster(cluster.urls()).await.unwrap();
        keeps(&store, Promises { notices: true, ..Promises::default() }).await;
    });
}

#[test]
fn postgresql_keeps_the_contract() {
    let promises = Promises { notices: true, sweeps: true, ..Promises::default() };
    server_keeps(&Server::postgres().unwrap(), promises);
}

#[test]
fn mariadb_keeps_the_contract() {
    server_keeps(&Server::mariadb().unwrap(), Promises { sweeps: true, ..Promises::default() });
}

#[test]
fn mongodb_s_protocol_keeps_the_contract() {
    server_keeps(&Server::mongodb().unwrap(), Promises { sweeps: true, ..Promises::default() });
}
