//! Operations on all documents of a scope, in batches that don't block other clients.

use cachescope_core::shared::{Scope, StoreError, StoreSize};
use futures_util::TryStreamExt;
use mongodb::bson::{Bson, Document, doc};

use crate::document::in_scope;
use crate::error::store_error;
use crate::server_collection::ServerCollection;

/// The number of documents in a batch.
const BATCH: u64 = 1_000;

/// The most entries that are counted one by one.
const COUNT_LIMIT: u64 = 10_000;

/// Removes all documents of a scope.
pub(crate) async fn clear(server: &ServerCollection, scope: &Scope) -> Result<(), StoreError> {
    let mut batches = Batches::new(scope);
    while let Some(range) = batches.next(server).await? {
        server.collection.delete_many(doc! { "_id": range }).await.map_err(store_error)?;
    }
    Ok(())
}

/// Removes the expired documents of a scope, and returns the number of entries. A document that held only a lease is
/// removed and not counted.
pub(crate) async fn sweep(server: &ServerCollection, scope: &Scope) -> Result<u64, StoreError> {
    let mut batches = Batches::new(scope);
    let mut entries = 0;
    while let Some(range) = batches.next(server).await? {
        let expired = doc! { "$lte": server.now().await?.date() };
        let filter = |entry: bool| doc! { "_id": &range, "purge_at": &expired, "expires_at": { "$exists": entry } };
        entries += server.collection.delete_many(filter(true)).await.map_err(store_error)?.deleted_count;
        server.collection.delete_many(filter(false)).await.map_err(store_error)?;
    }
    Ok(entries)
}

/// Returns the size of a scope. Above [`COUNT_LIMIT`] entries, the size is an estimate.
pub(crate) async fn size(server: &ServerCollection, scope: &Scope) -> Result<StoreSize, StoreError> {
    let entries = sum(server, scope, Bson::Int32(1)).await?;
    let bytes = sum(server, scope, Bson::String("$bytes".to_owned())).await?;
    if entries <= COUNT_LIMIT {
        return Ok(StoreSize { entries: Some(entries), bytes: Some(bytes), exact: true });
    }
    let all = server.collection.estimated_document_count().await.map_err(store_error)?.max(entries);
    let in_proportion = u128::from(bytes) * u128::from(all) / u128::from(entries);
    Ok(StoreSize { entries: Some(all), bytes: u64::try_from(in_proportion).ok(), exact: false })
}

/// Sums up `summand` over the counted entries, at most [`COUNT_LIMIT`] and one. Each sum is a query of its own, because
/// FerretDB returns zero for the second sum of a group.
async fn sum(server: &ServerCollection, scope: &Scope, summand: Bson) -> Result<u64, StoreError> {
    let mut entries = in_scope(scope);
    entries.insert("expires_at", doc! { "$exists": true });
    let limit = i64::try_from(COUNT_LIMIT).unwrap_or(i64::MAX).saturating_add(1);
    let group = doc! { "_id": Bson::Null, "sum": { "$sum": summand } };
    let pipeline = [doc! { "$match": entries }, doc! { "$limit": limit }, doc! { "$group": group }];
    let answer = server.collection.aggregate(pipeline).await.map_err(store_error)?;
    let answer: Vec<Document> = answer.try_collect().await.map_err(store_error)?;
    // The server chooses the integer type. Without entries, there is no result.
    Ok(match answer.first().and_then(|answer| answer.get("sum")) {
        Some(Bson::Int32(number)) => u64::try_from(*number).unwrap_or_default(),
        Some(Bson::Int64(number)) => u64::try_from(*number).unwrap_or_default(),
        _ => 0,
    })
}

/// Iterates over ranges of a scope's `_id`s, of [`BATCH`] documents each. It ends even if documents are inserted
/// meanwhile.
struct Batches {
    /// The remaining range, or `None` at the end.
    rest: Option<Document>,
}

impl Batches {
    fn new(scope: &Scope) -> Self {
        Self { rest: in_scope(scope).get_document("_id").ok().cloned() }
    }

    async fn next(&mut self, server: &ServerCollection) -> Result<Option<Document>, StoreError> {
        let Some(rest) = self.rest.take() else { return Ok(None) };
        let last = server
            .collection
            .find_one(doc! { "_id": &rest })
            .sort(doc! { "_id": 1 })
            .skip(BATCH - 1)
            .projection(doc! { "_id": 1 })
            .await
            .map_err(store_error)?;
        let Some(last) = last.and_then(|mut last| last.remove("_id")) else { return Ok(Some(rest)) };
        let (mut range, mut beyond) = (rest.clone(), rest);
        range.remove("$lt");
        range.insert("$lte", last.clone());
        beyond.remove("$gte");
        beyond.insert("$gt", last);
        self.rest = Some(beyond);
        Ok(Some(range))
    }
}
