//! Stores: counts are the same over all of them, and no fault of a server fails a request. Each store's own crate runs the
//! conformance suite on real servers.

mod counts;
mod faults;

use std::path::Path;

use anyhow::Result;
use cachescope::Sqlite;
use sqlx::SqlitePool;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions};

fn runtime() -> Result<tokio::runtime::Runtime> {
    Ok(tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?)
}

async fn sqlite(folder: &Path) -> Result<Sqlite> {
    let options = SqliteConnectOptions::new().filename(folder.join("entries.sqlite")).create_if_missing(true);
    let pool: SqlitePool = SqlitePoolOptions::new().connect_with(options.journal_mode(SqliteJournalMode::Wal)).await?;
    let store = Sqlite::new(pool);
    store.create_table().await?;
    Ok(store)
}
