//! What is in the collection, and what leaves it.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use cachescope_core::shared::{ByteStore, Leased, StoreSize};
use cachescope_mongodb::Expiry;
use cachescope_mongodb::mongodb::bson::{Document, doc};

use crate::server::{LONG, collection, eventually, key, scope, start, store, token};

const BRIEF: Duration = Duration::from_millis(300);

async fn document(of: &cachescope_mongodb::mongodb::Collection<Document>, key: u64) -> Option<Vec<String>> {
    let found = of.find_one(doc! { "_id": crate::server::key(key).whole() }).await.unwrap()?;
    let mut fields: Vec<String> = found.keys().cloned().collect();
    fields.sort();
    Some(fields)
}

/// Written down, since processes of other versions have to come to the same.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn there_is_one_document_for_a_key() {
    let server = start();
    let (collection, store) = (collection(&server).await, store(&server).await);
    let (mine, fields) = (token(), |fields: &[&str]| Some(fields.iter().map(|&field| field.to_owned()).collect()));
    assert_eq!(store.lease(&key(1), mine, LONG).await.unwrap(), Leased::Granted(None));
    assert_eq!(document(&collection, 1).await, fields(&["_id", "purge_at", "token", "until"]));
    assert_eq!(store.size(&scope("cache")).await.unwrap().entries, Some(0));

    assert!(store.put(&key(1), b"value", Some(LONG), Some(mine)).await.unwrap());
    let entry = fields(&["_id", "bytes", "expires_at", "purge_at", "value"]);
    assert_eq!(document(&collection, 1).await, entry);
    store.lease(&key(1), mine, LONG).await.unwrap();
    store.release(&key(1), mine).await.unwrap();
    assert_eq!(document(&collection, 1).await, entry);
    let size = store.size(&scope("cache")).await.unwrap();
    assert_eq!(size, StoreSize { entries: Some(1), bytes: Some(5), exact: true });
    store.remove(&key(1)).await.unwrap();
    assert_eq!(document(&collection, 1).await, None);
}

/// The server would drop a document by this date alone.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_document_is_kept_for_its_entry_and_its_lease() {
    let server = start();
    let (collection, store) = (collection(&server).await, store(&server).await);
    let (year, day) = (Duration::from_secs(365 * 86_400), Duration::from_secs(86_400));
    for (number, life, term) in [(1, Some(day), year), (2, Some(year), day), (3, None, day)] {
        store.put(&key(number), b"value", life, None).await.unwrap();
        store.lease(&key(number), token(), term).await.unwrap();
        let found = collection.find_one(doc! { "_id": key(number).whole() }).await.unwrap().unwrap();
        let [purge_at, expires_at, until] =
            ["purge_at", "expires_at", "until"].map(|field| *found.get_datetime(field).unwrap());
        assert_eq!(purge_at, expires_at.max(until));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sweep_takes_along_what_was_left_of_leases() {
    let server = start();
    let (collection, store) = (collection(&server).await, store(&server).await);
    let (held, over) = (token(), token());
    store.lease(&key(1), over, BRIEF).await.unwrap();
    store.lease(&key(2), held, LONG).await.unwrap();
    store.put(&key(3), b"brief", Some(BRIEF), None).await.unwrap();
    store.lease(&key(3), held, LONG).await.unwrap();
    store.put(&key(4), b"brief", Some(BRIEF), None).await.unwrap();
    store.put(&key(5), b"long", Some(LONG), None).await.unwrap();
    store.lease(&key(5), over, BRIEF).await.unwrap();
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

/// More than a step of any of them takes.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_large_scope_is_counted_swept_and_cleared_in_steps() {
    let server = start();
    let (collection, store) = (collection(&server).await, store(&server).await);
    let cache = scope("cache");
    let end = |number: u64| {
        let millis = if number.is_multiple_of(5) { 1_000 } else { 253_402_300_799_999 };
        cachescope_mongodb::mongodb::bson::DateTime::from_millis(millis)
    };
    let documents: Vec<Document> = (0..2_500)
        .map(|number| doc! { "_id": key(number).whole(), "bytes": 7_i64, "expires_at": end(number), "purge_at": end(number) })
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
async fn what_others_put_into_the_collection_is_no_entry() {
    let server = start();
    let (collection, store) = (collection(&server).await, store(&server).await);
    collection.insert_one(doc! { "_id": key(1).whole(), "value": "text" }).await.unwrap();
    let later = cachescope_mongodb::mongodb::bson::DateTime::from_millis(i64::MAX / 1_000);
    collection.insert_one(doc! { "_id": key(2).whole(), "value": "text", "expires_at": later }).await.unwrap();
    for number in [1, 2] {
        assert_eq!(store.get(&key(number)).await.unwrap(), None);
        assert_eq!(store.lease(&key(number), token(), LONG).await.unwrap(), Leased::Granted(None));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_without_such_an_index_is_no_error() {
    let server = start();
    let store = store(&server).await;
    store.put(&key(1), b"value", None, None).await.unwrap();
    assert_eq!(store.create_index().await.unwrap(), Expiry::Sweeps);
    assert_eq!(store.create_index().await.unwrap(), Expiry::Sweeps);
}
