//! The index by which a server drops by itself what is over.

use std::sync::Once;
use std::time::Duration;

use cachescope_core::shared::StoreError;
use mongodb::bson::{Document, doc};
use mongodb::options::IndexOptions;
use mongodb::{Collection, IndexModel};

use crate::failure::{NOT_IMPLEMENTED, code, failure};

/// Who drops what is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expiry {
    /// The server, by itself.
    Server,
    /// Sweeps alone: the server has no indexes that do so.
    Sweeps,
}

pub(crate) async fn create(collection: &Collection<Document>) -> Result<Expiry, StoreError> {
    let options = IndexOptions::builder().name("cachescope_purge_at".to_owned()).expire_after(Duration::ZERO).build();
    let index = IndexModel::builder().keys(doc! { "purge_at": 1 }).options(options).build();
    match collection.create_index(index).await {
        Ok(_) => Ok(Expiry::Server),
        Err(error) if code(&error) == Some(NOT_IMPLEMENTED) => {
            static WARNED: Once = Once::new();
            WARNED.call_once(|| {
                tracing::warn!(
                    "this server has no indexes that drop what is over; cached entries stay in it until a sweep"
                );
            });
            Ok(Expiry::Sweeps)
        }
        Err(error) => Err(failure(error)),
    }
}
