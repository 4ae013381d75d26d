//! SQLite in a file and in memory.

use cachescope_core::shared::{ByteStore, StoreErrorKind};
use cachescope_sqlx::Sqlite;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions};

use crate::store_suite;

/// Returns a pool to a database in a file.
pub(crate) async fn file(folder: &tempfile::TempDir) -> SqlitePool {
    let options = SqliteConnectOptions::new().filename(folder.path().join("cache.db")).create_if_missing(true);
    SqlitePool::connect_with(options.journal_mode(SqliteJournalMode::Wal)).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn sqlite_file_passes_store_suite() {
    let folder = tempfile::tempdir().unwrap();
    store_suite::run_all(Sqlite::new(file(&folder).await), false).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sqlite_in_memory_passes_store_suite() {
    let pool = SqlitePoolOptions::new().max_connections(1).idle_timeout(None).max_lifetime(None);
    let pool = pool.test_before_acquire(false);
    store_suite::run_all(Sqlite::new(pool.connect("sqlite::memory:").await.unwrap()), false).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn entry_survives_restart() {
    let folder = tempfile::tempdir().unwrap();
    let key = store_suite::key("restart", &1);
    {
        let pool = file(&folder).await;
        let store = Sqlite::new(pool.clone());
        store.create_table().await.unwrap();
        store.put(&key, b"kept", None, None).await.unwrap();
        pool.close().await;
        assert_eq!(store.get(&key).await.unwrap_err().kind(), StoreErrorKind::Unreachable);
    }
    assert_eq!(Sqlite::new(file(&folder).await).get(&key).await.unwrap().unwrap(), b"kept");
}

#[tokio::test(flavor = "multi_thread")]
async fn sqlite_errors_map_to_store_error_kinds() {
    let folder = tempfile::tempdir().unwrap();
    let store = Sqlite::new(file(&folder).await);
    store.create_table().await.unwrap();
    let key = store_suite::key("kinds", &1);
    store.put(&key, b"here", None, None).await.unwrap();

    let options = SqliteConnectOptions::new().filename(folder.path().join("cache.db"));
    let reader = Sqlite::new(SqlitePool::connect_with(options.clone().read_only(true)).await.unwrap());
    assert_eq!(reader.get(&key).await.unwrap().unwrap(), b"here");
    let refused = reader.put(&key, b"there", None, None).await.unwrap_err();
    assert_eq!(refused.kind(), StoreErrorKind::Refused);
    reader.create_table().await.unwrap();

    let small = SqlitePool::connect_with(options.clone().pragma("max_page_count", "20")).await.unwrap();
    let full = Sqlite::new(small).put(&key, &[7; 1 << 20], None, None).await.unwrap_err();
    assert_eq!(full.kind(), StoreErrorKind::Full);

    let impatient = options.busy_timeout(std::time::Duration::from_millis(1));
    let impatient = Sqlite::new(SqlitePool::connect_with(impatient).await.unwrap());
    let pool = file(&folder).await;
    let writing = pool.begin_with("BEGIN IMMEDIATE").await.unwrap();
    let busy = impatient.put(&key, b"there", None, None).await.unwrap_err();
    assert_eq!(busy.kind(), StoreErrorKind::Timeout);
    writing.rollback().await.unwrap();
    assert!(impatient.put(&key, b"there", None, None).await.unwrap());
}
