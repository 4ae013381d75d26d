//! The collection, and what is known of the server it is on.

use std::sync::OnceLock;

use cachescope_core::shared::StoreError;
use mongodb::bson::{Document, doc};
use mongodb::options::{Acknowledgment, CollectionOptions, ReadPreference, SelectionCriteria};
use mongodb::{Collection, Database};
use tokio::sync::MutexGuard;

use crate::clock::{ServerClock, ServerTime};
use crate::failure::{code, failure};
use crate::turns::turn;

/// How a server looks for a document and changes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Changes {
    /// At once.
    Whole,
    /// Looks, and then changes what it found, even if another has changed it meanwhile.
    InTwoSteps,
}

/// A collection and its server.
#[derive(Debug)]
pub(crate) struct Server {
    pub(crate) collection: Collection<Document>,
    database: Database,
    clock: ServerClock,
    changes: OnceLock<Changes>,
}

impl Server {
    /// The same collection, asked where it is up to date: on a secondary, what was just dropped may still be there.
    pub(crate) fn new(collection: &Collection<Document>) -> Self {
        let database = collection.client().database(&collection.namespace().db);
        // What a change met with has to be told, or nobody knows who holds a lease.
        let told = |concern: &&mongodb::options::WriteConcern| concern.w != Some(Acknowledgment::Nodes(0));
        let options = CollectionOptions::builder()
            .selection_criteria(SelectionCriteria::ReadPreference(ReadPreference::Primary))
            .read_concern(collection.read_concern().cloned())
            .write_concern(collection.write_concern().filter(told).cloned())
            .build();
        Self {
            collection: database.collection_with_options(collection.name(), options),
            database,
            clock: ServerClock::default(),
            changes: OnceLock::new(),
        }
    }

    /// What time it is there.
    pub(crate) async fn now(&self) -> Result<ServerTime, StoreError> {
        self.clock.now(&self.database).await.map_err(failure)
    }

    /// A turn at changing a document, on a server that needs it.
    pub(crate) async fn turn(&self, id: &str) -> Result<Option<MutexGuard<'static, ()>>, StoreError> {
        match self.changes().await? {
            Changes::Whole => Ok(None),
            Changes::InTwoSteps => Ok(Some(turn(id).await)),
        }
    }

    async fn changes(&self) -> Result<Changes, StoreError> {
        if let Some(changes) = self.changes.get() {
            return Ok(*changes);
        }
        let changes = match self.database.run_command(doc! { "buildInfo": 1 }).await {
            // FerretDB 1 says so in this way, the later ones, on PostgreSQL alone, in another.
            Ok(told) if told.contains_key("ferretdbVersion") => Changes::InTwoSteps,
            Ok(_) => Changes::Whole,
            // One that doesn't tell what it is.
            Err(error) if code(&error).is_some() => Changes::Whole,
            Err(error) => return Err(failure(error)),
        };
        Ok(*self.changes.get_or_init(|| changes))
    }
}
