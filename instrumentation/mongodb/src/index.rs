//! The TTL index, by which a server removes expired documents.

use std::sync::Once;
use std::time::Duration;

use cachescope_core::shared::StoreError;
use mongodb::bson::{Document, doc};
use mongodb::options::IndexOptions;
use mongodb::{Collection, IndexModel};

use crate::error::{NOT_IMPLEMENTED, server_code, store_error};

/// The mechanism that removes expired entries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expiry {
    /// The server removes expired entries by a TTL index.
    Server,
    /// Only sweeps remove expired entries, because the server doesn't support TTL indexes.
    Sweeps,
}

pub(crate) async fn create(collection: &Collection<Document>) -> Result<Expiry, StoreError> {
    let options = IndexOptions::builder().name("cachescope_purge_at".to_owned()).expire_after(Duration::ZERO).build();
    let index = IndexModel::builder().keys(doc! { "purge_at": 1 }).options(options).build();
    match collection.create_index(index).await {
        Ok(_) => Ok(Expiry::Server),
        Err(error) if server_code(&error) == Some(NOT_IMPLEMENTED) => {
            static WARNED: Once = Once::new();
            WARNED.call_once(|| {
                tracing::warn!(
                    "server doesn't support TTL indexes: expired cache entries stay in the collection until a sweep"
                );
            });
            Ok(Expiry::Sweeps)
        }
        Err(error) => Err(store_error(error)),
    }
}
