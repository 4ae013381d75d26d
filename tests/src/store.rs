//! Shared stores by URL: of a server, a file or a folder.

use std::sync::Arc;

use anyhow::{Context, bail};
use cachescope::shared::ByteStore;
use cachescope::{FileStore, MongoDb, MySql, Postgres, Redis, Sqlite};
use sqlx::{MySqlPool, PgPool, SqlitePool};

/// Opens the store at `url` and creates its tables.
///
/// # Errors
/// If the server can't be reached, or the scheme is unknown.
pub async fn open(url: &str) -> anyhow::Result<Arc<dyn ByteStore>> {
    let (scheme, path) = url.split_once("://").context("an address without a scheme")?;
    Ok(match scheme {
        "file" => Arc::new(FileStore::in_folder(path)),
        "sqlite" => {
            let store = Sqlite::new(SqlitePool::connect(url).await?);
            store.create_table().await?;
            Arc::new(store)
        }
        "redis" => Arc::new(Redis::connect(url).await?),
        "postgres" | "postgresql" => {
            let store = Postgres::new(PgPool::connect(url).await?);
            store.create_table().await?;
            Arc::new(store)
        }
        "mysql" | "mariadb" => {
            let store = MySql::new(MySqlPool::connect(url).await?);
            store.create_table().await?;
            Arc::new(store)
        }
        "mongodb" => {
            let client = cachescope::mongodb::mongodb::Client::with_uri_str(url).await?;
            let store = MongoDb::new(client.database("cachescope").collection("entries"));
            store.create_index().await?;
            Arc::new(store)
        }
        other => bail!("unknown scheme {other}"),
    })
}
