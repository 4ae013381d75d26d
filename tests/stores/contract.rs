//! The contract suite on every store of bytes.

use anyhow::Result;
use cachescope::{ByteStore, FileStore, Redis, Sqlite};
use cachescope_core::contract::{Promises, check};
use cachescope_stack::Server;
use cachescope_tests::opened::open;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode};
use sqlx::{SqlitePool, sqlite::SqlitePoolOptions};

pub(crate) fn runtime() -> Result<tokio::runtime::Runtime> {
    Ok(tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?)
}

pub(crate) async fn sqlite(folder: &std::path::Path) -> Result<Sqlite> {
    let options = SqliteConnectOptions::new().filename(folder.join("entries.sqlite")).create_if_missing(true);
    let pool: SqlitePool = SqlitePoolOptions::new().connect_with(options.journal_mode(SqliteJournalMode::Wal)).await?;
    let store = Sqlite::new(pool);
    store.create_table().await?;
    Ok(store)
}

async fn keeps(store: &dyn ByteStore, promises: Promises) {
    let broken = check(store, promises).await.err().unwrap_or_default();
    let broken: Vec<String> = broken.iter().map(ToString::to_string).collect();
    assert_eq!(broken, Vec::<String>::new(), "{}", store.kind());
}

fn server_keeps(server: &Server, promises: Promises) -> Result<()> {
    runtime()?.block_on(async {
        keeps(&open(server.url()).await?, promises).await;
        Ok(())
    })
}

#[test]
fn files_keep_the_contract() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let promises = Promises { sweeps: true, ..Promises::default() };
    runtime()?.block_on(keeps(&FileStore::in_folder(folder.path()), promises));
    Ok(())
}

#[test]
fn sqlite_keeps_the_contract() -> Result<()> {
    let folder = tempfile::tempdir()?;
    runtime()?.block_on(async {
        keeps(&sqlite(folder.path()).await?, Promises { sweeps: true, ..Promises::default() }).await;
        Ok(())
    })
}

#[test]
fn redis_keeps_the_contract() -> Result<()> {
    server_keeps(&Server::redis()?, Promises { notices: true, ..Promises::default() })
}

#[test]
fn a_redis_cluster_keeps_the_contract() -> Result<()> {
    let cluster = Server::redis_cluster()?;
    runtime()?.block_on(async {
        let store = Redis::connect_cluster(cluster.urls()).await?;
        keeps(&store, Promises { notices: true, ..Promises::default() }).await;
        Ok(())
    })
}

#[test]
fn postgresql_keeps_the_contract() -> Result<()> {
    let promises = Promises { notices: true, sweeps: true, ..Promises::default() };
    server_keeps(&Server::postgres()?, promises)
}

#[test]
fn mariadb_keeps_the_contract() -> Result<()> {
    server_keeps(&Server::mariadb()?, Promises { sweeps: true, ..Promises::default() })
}

#[test]
fn mongodb_s_protocol_keeps_the_contract() -> Result<()> {
    server_keeps(&Server::mongodb()?, Promises { sweeps: true, ..Promises::default() })
}
