//! What goes through the documents of a scope, in steps that hold up nobody.

use cachescope_core::shared::{Scope, StoreError, StoreSize};
use futures_util::TryStreamExt;
use mongodb::bson::{Bson, Document, doc};

use crate::failure::failure;
use crate::record::of_scope;
use crate::server::Server;

/// How many documents a step goes through.
const STEP: u64 = 1_000;

/// How many entries are counted one by one.
const COUNTED: u64 = 10_000;

/// Drops all documents of a scope.
pub(crate) async fn clear(server: &Server, scope: &Scope) -> Result<(), StoreError> {
    let mut steps = Steps::through(scope);
    while let Some(range) = steps.next(server).await? {
        server.collection.delete_many(doc! { "_id": range }).await.map_err(failure)?;
    }
    Ok(())
}

/// Drops what is over of a scope, and says how many entries that was. Documents that held a lease alone are dropped as
/// well and were none.
pub(crate) async fn sweep(server: &Server, scope: &Scope) -> Result<u64, StoreError> {
    let mut steps = Steps::through(scope);
    let mut entries = 0;
    while let Some(range) = steps.next(server).await? {
        let over = doc! { "$lte": server.now().await?.date() };
        let of = |entry: bool| doc! { "_id": &range, "purge_at": &over, "expires_at": { "$exists": entry } };
        entries += server.collection.delete_many(of(true)).await.map_err(failure)?.deleted_count;
        server.collection.delete_many(of(false)).await.map_err(failure)?;
    }
    Ok(entries)
}

/// How much a scope holds.
pub(crate) async fn size(server: &Server, scope: &Scope) -> Result<StoreSize, StoreError> {
    let entries = sum(server, scope, Bson::Int32(1)).await?;
    let bytes = sum(server, scope, Bson::String("$bytes".to_owned())).await?;
    if entries <= COUNTED {
        return Ok(StoreSize { entries: Some(entries), bytes: Some(bytes), exact: true });
    }
    let all = server.collection.estimated_document_count().await.map_err(failure)?.max(entries);
    let in_proportion = u128::from(bytes) * u128::from(all) / u128::from(entries);
    Ok(StoreSize { entries: Some(all), bytes: u64::try_from(in_proportion).ok(), exact: false })
}

/// The sum of `what` over the entries that are counted, and one more. One sum at a time: of two in one group FerretDB
/// finds the second to be zero.
async fn sum(server: &Server, scope: &Scope, what: Bson) -> Result<u64, StoreError> {
    let mut entries = of_scope(scope);
    entries.insert("expires_at", doc! { "$exists": true });
    let limit = i64::try_from(COUNTED).unwrap_or(i64::MAX).saturating_add(1);
    let group = doc! { "_id": Bson::Null, "sum": { "$sum": what } };
    let pipeline = [doc! { "$match": entries }, doc! { "$limit": limit }, doc! { "$group": group }];
    let answer = server.collection.aggregate(pipeline).await.map_err(failure)?;
    let answer: Vec<Document> = answer.try_collect().await.map_err(failure)?;
    // Of whatever type of number the server found sufficient; there is none of nothing.
    Ok(match answer.first().and_then(|answer| answer.get("sum")) {
        Some(Bson::Int32(number)) => u64::try_from(*number).unwrap_or_default(),
        Some(Bson::Int64(number)) => u64::try_from(*number).unwrap_or_default(),
        _ => 0,
    })
}

/// The names of a scope's documents, in ranges of so many. One way through, however many are stored meanwhile.
struct Steps {
    /// `None` once there is nothing left.
    rest: Option<Document>,
}

impl Steps {
    fn through(scope: &Scope) -> Self {
        Self { rest: of_scope(scope).get_document("_id").ok().cloned() }
    }

    async fn next(&mut self, server: &Server) -> Result<Option<Document>, StoreError> {
        let Some(rest) = self.rest.take() else { return Ok(None) };
        let last = server
            .collection
            .find_one(doc! { "_id": &rest })
            .sort(doc! { "_id": 1 })
            .skip(STEP - 1)
            .projection(doc! { "_id": 1 })
            .await
            .map_err(failure)?;
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
