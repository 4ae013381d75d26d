//! Tables, their schema version, and permissions.

use cachescope_core::shared::{ByteStore, StoreErrorKind};
use cachescope_sqlx::{Postgres, Sqlite};
use sqlx::AssertSqlSafe;

use crate::{postgres, sqlite, store_suite};

#[tokio::test(flavor = "multi_thread")]
async fn create_table_refuses_newer_schema_version() {
    let folder = tempfile::tempdir().unwrap();
    let pool = sqlite::file(&folder).await;
    let store = Sqlite::new(pool.clone());
    store.create_table().await.unwrap();
    sqlx::query("INSERT INTO cachescope_schema (version) VALUES (2)").execute(&pool).await.unwrap();
    let error = store.create_table().await.unwrap_err();
    let message = std::error::Error::source(&error).unwrap().to_string();
    assert!(message.contains("version 2"), "{message}");
}

#[tokio::test(flavor = "multi_thread")]
async fn create_table_completes_partial_schema() {
    let folder = tempfile::tempdir().unwrap();
    let pool = sqlite::file(&folder).await;
    let store = Sqlite::new(pool.clone());
    let first = store.schema().split(';').next().unwrap().to_owned();
    sqlx::query(AssertSqlSafe(first)).execute(&pool).await.unwrap();
    store.create_table().await.unwrap();
    let indexes = "SELECT COUNT(*) FROM sqlite_schema WHERE name = 'cachescope_over'";
    assert_eq!(sqlx::query_scalar::<_, i64>(indexes).fetch_one(&pool).await.unwrap(), 1);
}

/// In production, an administrator often creates the tables.
#[tokio::test(flavor = "multi_thread")]
async fn user_without_create_permission_uses_existing_tables() {
    let server = postgres::start();
    let pool = postgres::pool(&server, 2).await;
    let admin = Postgres::new(pool.clone()).table("caches.entries").unwrap();
    sqlx::raw_sql("CREATE SCHEMA caches; CREATE ROLE app LOGIN; GRANT USAGE ON SCHEMA caches TO app")
        .execute(&pool)
        .await
        .unwrap();
    let options = (*pool.connect_options()).clone().username("app");
    let app = Postgres::new(sqlx::PgPool::connect_with(options).await.unwrap()).table("caches.entries").unwrap();
    assert_eq!(app.create_table().await.unwrap_err().kind(), StoreErrorKind::Refused);

    let migration = admin.schema().to_owned();
    sqlx::raw_sql(AssertSqlSafe(migration)).execute(&pool).await.unwrap();
    let key = store_suite::key("schema", &1);
    assert_eq!(app.get(&key).await.unwrap_err().kind(), StoreErrorKind::Refused);
    sqlx::raw_sql("GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA caches TO app")
        .execute(&pool)
        .await
        .unwrap();
    app.create_table().await.unwrap();
    app.put(&key, b"app's", None, None).await.unwrap();
    assert_eq!(admin.get(&key).await.unwrap().unwrap(), b"app's");
    admin.create_table().await.unwrap();
}
