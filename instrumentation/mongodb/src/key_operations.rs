//! The operations on the document of one key.

use std::time::Duration;

use cachescope_core::shared::{LeaseResult, LeaseToken, StoreError};
use mongodb::options::ReturnDocument;

use crate::document;
use crate::error::{DUPLICATE_KEY, server_code, store_error};
use crate::server_collection::ServerCollection;

/// The most attempts of an upsert. An attempt fails if another client inserts the document first.
const UPSERT_ATTEMPTS: usize = 4;

/// Reads a value. The filter has only the `_id`, which every server finds by its index. Expiry is checked here.
pub(crate) async fn get(server: &ServerCollection, id: &str) -> Result<Option<Vec<u8>>, StoreError> {
    let found = server.collection.find_one(document::by_id(id)).projection(document::entry_projection()).await;
    let Some(mut document) = found.map_err(store_error)? else { return Ok(None) };
    Ok(document::unexpired_value(&mut document, server.now().await?))
}

pub(crate) async fn put(
    server: &ServerCollection,
    id: &str,
    bytes: Vec<u8>,
    ttl: Option<Duration>,
) -> Result<(), StoreError> {
    let _lock = server.lock_if_needed(id).await?;
    let update = document::set_entry(bytes, server.now().await?.after(ttl));
    let mut attempt = 1;
    loop {
        let stored = server.collection.update_one(document::by_id(id), update.clone()).upsert(true).await;
        match stored {
            // Another client inserted the document in between, so the next attempt updates it.
            Err(error) if server_code(&error) == Some(DUPLICATE_KEY) && attempt < UPSERT_ATTEMPTS => attempt += 1,
            outcome => return outcome.map(drop).map_err(store_error),
        }
    }
}

pub(crate) async fn put_leased(
    server: &ServerCollection,
    id: &str,
    bytes: Vec<u8>,
    ttl: Option<Duration>,
    token: LeaseToken,
) -> Result<bool, StoreError> {
    let _lock = server.lock_if_needed(id).await?;
    let now = server.now().await?;
    let update = document::set_entry(bytes, now.after(ttl));
    let outcome = server.collection.update_one(document::held_by(id, token, now), update).await.map_err(store_error)?;
    Ok(outcome.matched_count == 1)
}

/// Takes the lease. If another token holds it, no document matches, and the insertion fails with a duplicate key.
pub(crate) async fn lease(
    server: &ServerCollection,
    id: &str,
    token: LeaseToken,
    term: Duration,
) -> Result<LeaseResult, StoreError> {
    let _lock = server.lock_if_needed(id).await?;
    let now = server.now().await?;
    let set_lease = document::set_lease(token, now.after(Some(term)));
    let found = server
        .collection
        .find_one_and_update(document::leasable_by(id, token, now), set_lease)
        .upsert(true)
        .return_document(ReturnDocument::Before)
        .await;
    match found {
        Ok(before) => {
            Ok(LeaseResult::Granted(before.and_then(|mut document| document::unexpired_value(&mut document, now))))
        }
        Err(error) if server_code(&error) == Some(DUPLICATE_KEY) => Ok(LeaseResult::Held),
        Err(error) => Err(store_error(error)),
    }
}

pub(crate) async fn release(server: &ServerCollection, id: &str, token: LeaseToken) -> Result<(), StoreError> {
    let _lock = server.lock_if_needed(id).await?;
    let now = server.now().await?;
    let released = server.collection.update_one(document::held_by(id, token, now), document::unset_lease()).await;
    released.map(drop).map_err(store_error)
}
