//! The collection of a store, and the properties of its server.

use std::sync::OnceLock;

use cachescope_core::shared::StoreError;
use mongodb::bson::{Document, doc};
use mongodb::options::{Acknowledgment, CollectionOptions, ReadPreference, SelectionCriteria};
use mongodb::{Collection, Database};
use tokio::sync::MutexGuard;

use crate::document_lock::lock_document;
use crate::error::{server_code, store_error};
use crate::server_clock::{ServerClock, ServerTime};

/// The way a server updates a document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum UpdateMode {
    /// One atomic step.
    Atomic,
    /// Finds the document, then changes it, even if another client has changed it in between.
    ReadThenWrite,
}

/// A collection and its server.
#[derive(Debug)]
pub(crate) struct ServerCollection {
    pub(crate) collection: Collection<Document>,
    database: Database,
    clock: ServerClock,
    update_mode: OnceLock<UpdateMode>,
}

impl ServerCollection {
    /// Returns the same collection with reads from the primary and acknowledged writes. On a secondary, an entry that
    /// was just removed may still exist.
    pub(crate) fn new(collection: &Collection<Document>) -> Self {
        let database = collection.client().database(&collection.namespace().db);
        // Writes must be acknowledged. Otherwise the holder of a lease is unknown.
        let acknowledged = |concern: &&mongodb::options::WriteConcern| concern.w != Some(Acknowledgment::Nodes(0));
        let options = CollectionOptions::builder()
            .selection_criteria(SelectionCriteria::ReadPreference(ReadPreference::Primary))
            .read_concern(collection.read_concern().cloned())
            .write_concern(collection.write_concern().filter(acknowledged).cloned())
            .build();
        Self {
            collection: database.collection_with_options(collection.name(), options),
            database,
            clock: ServerClock::default(),
            update_mode: OnceLock::new(),
        }
    }

    /// Returns the server's time.
    pub(crate) async fn now(&self) -> Result<ServerTime, StoreError> {
        self.clock.now(&self.database).await.map_err(store_error)
    }

    /// Locks a document within this process, if the server doesn't update atomically.
    pub(crate) async fn lock_if_needed(&self, id: &str) -> Result<Option<MutexGuard<'static, ()>>, StoreError> {
        match self.update_mode().await? {
            UpdateMode::Atomic => Ok(None),
            UpdateMode::ReadThenWrite => Ok(Some(lock_document(id).await)),
        }
    }

    async fn update_mode(&self) -> Result<UpdateMode, StoreError> {
        if let Some(update_mode) = self.update_mode.get() {
            return Ok(*update_mode);
        }
        let update_mode = match self.database.run_command(doc! { "buildInfo": 1 }).await {
            // Only FerretDB 1 has this field. Later versions, which use PostgreSQL only, have another.
            Ok(info) if info.contains_key("ferretdbVersion") => UpdateMode::ReadThenWrite,
            Ok(_) => UpdateMode::Atomic,
            // The server doesn't support the command.
            Err(error) if server_code(&error).is_some() => UpdateMode::Atomic,
            Err(error) => return Err(store_error(error)),
        };
        Ok(*self.update_mode.get_or_init(|| update_mode))
    }
}
