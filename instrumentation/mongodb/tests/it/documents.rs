//! The documents in the collection, and their removal.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use cachescope_core::shared::{ByteStore, LeaseResult, StoreSize};
use cachescope_mongodb::Expiry;
use cachescope_mongodb::mongodb::bson::{Document, doc};

use crate::server::{LONG, collection, eventually, key, scope, start, store, token};

const SHORT: Duration = Duration::from_millis(300);

async fn document_fields(
    collection: &cachescope_mongodb::mongodb::Collection<Document>,
    key: u64,
) -> Option<Vec<String>> {
    let found = collection.find_one(doc! { "_id": crate::server::key(key).full_name() }).await.unwrap()?;
    let mut fields: Vec<String> = found.keys().cloned().collect();
    fields.sort();
    Some(fields)
}

/// The format is fixed, because processes of other versions use the same documents.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn entry_and_lease_share_one_document() {
    let server = start();
    let (collection, store) = (collection(&server).await, store(&server).await);
    let (mine, fields) = (token(), |fields: &[&str]| Some(fields.iter().map(|&field| field.to_owned()).collect()));
    assert_eq!(store.lease(&key(1), mine, LONG).await.unwrap(), LeaseResult::Granted(None));
    assert_eq!(document_fields(&collection, 1).await, fields(&["_id", "purge_at", "token", "until"]));
    assert_eq!(store.size(&scope("cache")).await.unwrap().entries, Some(0));

    assert!(store.put(&key(1), b"value", Some(LONG), Some(mine)).await.unwrap());
    let entry = fields(&["_id", "bytes", "expires_at", "purge_at", "value"]);
    assert_eq!(document_fields(&collection, 1).await, entry);
    store.lease(&key(1), mine, LONG).await.unwrap();
    store.release(&key(1), mine).await.unwrap();
    assert_eq!(document_fields(&collection, 1).await, entry);
    let size = store.size(&scope("cache")).await.unwrap();
    assert_eq!(size, StoreSize { entries: Some(1), bytes: Some(5), exact: true });
    store.remove(&key(1)).await.unwrap();
    assert_eq!(document_fields(&collection, 1).await, None);
}

/// The TTL index removes a document at this date.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn document_is_kept_until_entry_and_lease_expire() {
    let server = start();
    let (collection, store) = (collection(&server).await, store(&server).await);
    let (year, day) = (Duration::from_secs(365 * 86_400), Duration::from_secs(86_400));
    for (number, ttl, term) in [(1, Some(day), year), (2, Some(year), day), (3, None, day)] {
        store.put(&key(number), b"value", ttl, None).await.unwrap();
        store.lease(&key(number), token(), term).await.unwrap();
        let found = collection.find_one(doc! { "_id": key(number).full_name() }).await.unwrap().unwrap();
        let [purge_at, expires_at, until] =
            ["purge_at", "expires_at", "until"].map(|field| *found.get_datetime(field).unwrap());
        assert_eq!(purge_at, expires_at.max(until));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sweep_also_removes_expired_leases() {
    let server = start();
    let (collection, store) = (collection(&server).await, store(&server).await);
    let (held, expired) = (token(), token());
    store.lease(&key(1), expired, SHORT).await.unwrap();
    store.lease(&key(2), held, LONG).await.unwrap();
    store.put(&key(3), b"brief", Some(SHORT), None).await.unwrap();
    store.lease(&key(3), held, LONG).await.unwrap();
    store.put(&key(4), b"brief", Some(SHORT), None).await.unwrap();
    store.put(&key(5), b"long", Some(LONG), None).await.unwrap();
    store.lease(&key(5), expired, SHORT).await.unwrap();
    let swept = AtomicU64::new(0);
    eventually("the sweep of a lease and an entry", || async {
        swept.fetch_add(store.sweep(&scope("cache")).await.unwrap(), Ordering::Relaxed);
        collection.count_documents(doc! {}).await.unwrap() == 3
    })
    .await;
    assert_eq!(swept.into_inner(), 1);
    assert_eq!(store.get(&key(3)).await.unwrap(), None);
    assert!(store.put(&key(2), b"loaded", None, Some(held)).await.unwrap());
    assert!(store.put(&key(3), b"loaded", None, Some(held)).await.unwrap());
    assert_eq!(store.get(&key(5)).await.unwrap().as_deref(), Some(&b"long"[..]));
}

/// The scope has more documents than a batch of any operation.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn large_scope_is_counted_swept_and_cleared_in_batches() {
    let server = start();
    let (collection, store) = (collection(&server).await, store(&server).await);
    let cache = scope("cache");
    let end = |number: u64| {
        let millis = if number.is_multiple_of(5) { 1_000 } else { 253_402_300_799_999 };
        cachescope_mongodb::mongodb::bson::DateTime::from_millis(millis)
    };
    let documents: Vec<Document> = (0..2_500)
        .map(|number| doc! { "_id": key(number).full_name(), "bytes": 7_i64, "expires_at": end(number), "purge_at": end(number) })
        .collect();
    collection.insert_many(documents).await.unwrap();
    store.put(&scope("cache2").key(&1).unwrap(), b"other", None, None).await.unwrap();
    let size = |entries: u64| StoreSize { entries: Some(entries), bytes: Some(7 * entries), exact: true };
    assert_eq!(store.size(&cache).await.unwrap(), size(2_500));
    assert_eq!(store.sweep(&cache).await.unwrap(), 500);
    assert_eq!(store.size(&cache).await.unwrap(), size(2_000));
    store.clear(&cache).await.unwrap();
    assert_eq!(collection.count_documents(doc! {}).await.unwrap(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn foreign_documents_are_not_entries() {
    let server = start();
    let (collection, store) = (collection(&server).await, store(&server).await);
    collection.insert_one(doc! { "_id": key(1).full_name(), "value": "text" }).await.unwrap();
    let later = cachescope_mongodb::mongodb::bson::DateTime::from_millis(i64::MAX / 1_000);
    collection.insert_one(doc! { "_id": key(2).full_name(), "value": "text", "expires_at": later }).await.unwrap();
    for number in [1, 2] {
        assert_eq!(store.get(&key(number)).await.unwrap(), None);
        assert_eq!(store.lease(&key(number), token(), LONG).await.unwrap(), LeaseResult::Granted(None));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn create_index_returns_sweeps_when_server_lacks_ttl_indexes() {
    let server = start();
    let store = store(&server).await;
    store.put(&key(1), b"value", None, None).await.unwrap();
    assert_eq!(store.create_index().await.unwrap(), Expiry::Sweeps);
    assert_eq!(store.create_index().await.unwrap(), Expiry::Sweeps);
}
