//! The bare clients: a read and a write by key, as in code written by hand.

use anyhow::Result;
use cachescope::mongodb::mongodb::bson::{Binary, Document, doc, spec::BinarySubtype};
use cachescope::mongodb::mongodb::{Client as MongoClient, Collection};
use cachescope::redis::redis::aio::MultiplexedConnection;
use cachescope::redis::redis::{Client as RedisClient, cmd};
use cachescope::{MongoDb, Postgres, Redis};
use sqlx::PgPool;

/// Reads and writes bytes by a numeric key.
pub(crate) trait Client {
    async fn read(&self, key: u64) -> Result<()>;
    async fn write(&self, key: u64, value: &[u8]) -> Result<()>;
}

/// The TTL of entries: one hour, as in the caches that are compared.
const TTL_MILLIS: u64 = 3_600_000;

impl Client for MultiplexedConnection {
    async fn read(&self, key: u64) -> Result<()> {
        let _: Option<Vec<u8>> = cmd("GET").arg(key).query_async(&mut self.clone()).await?;
        Ok(())
    }

    async fn write(&self, key: u64, value: &[u8]) -> Result<()> {
        Ok(cmd("SET").arg(key).arg(value).arg("PX").arg(TTL_MILLIS).exec_async(&mut self.clone()).await?)
    }
}

pub(crate) async fn redis(url: &str) -> Result<(MultiplexedConnection, Redis)> {
    let bare = RedisClient::open(url)?.get_multiplexed_async_connection().await?;
    Ok((bare, Redis::connect(url).await?))
}

impl Client for PgPool {
    async fn read(&self, key: u64) -> Result<()> {
        let sql = "SELECT value FROM bare WHERE key = $1 AND expires_at > now()";
        let _: Option<Vec<u8>> = sqlx::query_scalar(sql).bind(key.to_string()).fetch_optional(self).await?;
        Ok(())
    }

    async fn write(&self, key: u64, value: &[u8]) -> Result<()> {
        let sql = "INSERT INTO bare VALUES ($1, $2, now() + interval '1 hour') \
                   ON CONFLICT (key) DO UPDATE SET value = $2, expires_at = now() + interval '1 hour'";
        sqlx::query(sql).bind(key.to_string()).bind(value).execute(self).await?;
        Ok(())
    }
}

pub(crate) async fn postgres(url: &str) -> Result<(PgPool, Postgres)> {
    let pool = PgPool::connect(url).await?;
    let table = "CREATE TABLE bare (key text PRIMARY KEY, value bytea, expires_at timestamptz)";
    sqlx::query(table).execute(&pool).await?;
    let store = Postgres::new(pool.clone());
    store.create_table().await?;
    Ok((pool, store))
}

impl Client for Collection<Document> {
    async fn read(&self, key: u64) -> Result<()> {
        self.find_one(doc! { "_id": key.to_string() }).await?;
        Ok(())
    }

    async fn write(&self, key: u64, value: &[u8]) -> Result<()> {
        let value = Binary { subtype: BinarySubtype::Generic, bytes: value.to_vec() };
        let set = doc! { "$set": { "value": value } };
        self.update_one(doc! { "_id": key.to_string() }, set).upsert(true).await?;
        Ok(())
    }
}

pub(crate) async fn mongodb(url: &str) -> Result<(Collection<Document>, MongoDb)> {
    let database = MongoClient::with_uri_str(url).await?.database("bench");
    Ok((database.collection("bare"), MongoDb::new(database.collection("entries"))))
}
