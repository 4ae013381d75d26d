//! MongoDB as a store.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use cachescope_core::shared::{
    ByteStore, LeaseToken, Leased, Scope, StoreError, StoreErrorKind, StoreFuture, StoreKey, StoreSize,
};
use mongodb::Collection;
use mongodb::bson::Document;
use mongodb::options::ReturnDocument;
use opentelemetry::context::FutureExt;
use tokio::runtime::Handle;

use crate::failure::{DUPLICATE_KEY, TooLarge, code, failure};
use crate::index::{self, Expiry};
use crate::record::{self, LARGEST};
use crate::server::Server;
use crate::{KIND, upkeep};

/// How often a document that isn't there turns out to be, once it is to be inserted: each time another was faster.
const ATTEMPTS: usize = 4;

/// MongoDB as a store of `cached(...)`, and what speaks its protocol, such as FerretDB. Clones are the same store.
///
/// There is one document for each key, in a collection that is best the caches' own, and may be that of several caches.
/// An operation on one key is one round trip, and whole or not at all. What is over isn't returned; to be rid of it
/// takes an index, which [`create_index`](Self::create_index) makes, or sweeps. Values have at most 16 MiB less 16 KiB;
/// a larger one is refused as [`Full`](StoreErrorKind::Full).
///
/// **Time** is the server's: its clock is read with the first operation, and then once a minute, each time by a round
/// trip more, and reckoned in between. Processes whose own clocks are wrong agree to within half a round trip. After a
/// failover they go by the old server's clock for up to a minute.
///
/// **Dropped operations** go on to their end in the background, as the client's own futures must not be dropped half
/// way; so an operation that was given up may still happen. How long it may take is the client's affair, whose
/// `server_selection_timeout` is 30 seconds unless you say otherwise.
///
/// **What another process dropped** isn't announced: MongoDB tells of changes on replica sets alone, and of each entry
/// that is stored as well. A cache in memory before this store is behind it by up to its `memory_life`.
///
/// **FerretDB 1** changes a document in two steps. Operations of one process take turns there; of two processes that
/// race for a lease whose term is over, both may be granted it, and a value that is stored just while another process
/// stores its own may win. It also reads all of the collection to find a document by more than its name. Later versions
/// and MongoDB do neither.
///
/// Needs MongoDB 4.4 and a tokio runtime: that in which it is made, or else the one that it is used in.
///
/// ```no_run
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// use cachescope_mongodb::MongoDb;
/// use cachescope_mongodb::mongodb::Client;
///
/// let client = Client::with_uri_str("mongodb://127.0.0.1/").await?;
/// let store = MongoDb::new(client.database("shop").collection("cache"));
/// store.create_index().await?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct MongoDb {
    server: Arc<Server>,
    /// Where the client's tasks run.
    runtime: Option<Handle>,
}

impl MongoDb {
    /// A store in this collection. It is always asked on the primary, and always acknowledges; its other options are
    /// kept. Nothing is sent yet, and the collection need not exist.
    #[must_use]
    pub fn new(collection: Collection<Document>) -> Self {
        Self { server: Arc::new(Server::new(&collection)), runtime: Handle::try_current().ok() }
    }

    /// Has the server drop by itself what is over, within about a minute, by an index of this collection; does nothing
    /// if there is one. To be called when a program starts, or once when it is deployed. A server that has no such
    /// indexes is no error, but warned of: entries are then dropped by sweeps.
    ///
    /// # Errors
    /// If the server can't be reached or refuses.
    pub async fn create_index(&self) -> Result<Expiry, StoreError> {
        let server = Arc::clone(&self.server);
        self.run(async move { index::create(&server.collection).await }).await
    }

    /// Does it to its end, whatever becomes of the future, and with the caller's span as the parent of the client's.
    fn run<'a, T: Send + 'static>(
        &'a self,
        work: impl Future<Output = Result<T, StoreError>> + Send + 'static,
    ) -> StoreFuture<'a, T> {
        Box::pin(async move {
            let runtime = self.runtime.clone().map_or_else(Handle::try_current, Ok);
            let runtime = runtime.map_err(|error| StoreError::new(StoreErrorKind::Other, error))?;
            runtime.spawn(work.with_current_context()).await.unwrap_or_else(|error| {
                let kind = if error.is_cancelled() { StoreErrorKind::Unreachable } else { StoreErrorKind::Other };
                Err(StoreError::new(kind, error))
            })
        })
    }
}

impl ByteStore for MongoDb {
    fn kind(&self) -> &'static str {
        KIND
    }

    fn get<'a>(&'a self, key: &'a StoreKey) -> StoreFuture<'a, Option<Vec<u8>>> {
        let (server, id) = (Arc::clone(&self.server), key.whole());
        self.run(async move { get(&server, &id).await })
    }

    fn put<'a>(
        &'a self,
        key: &'a StoreKey,
        bytes: &'a [u8],
        life: Option<Duration>,
        lease: Option<LeaseToken>,
    ) -> StoreFuture<'a, bool> {
        if bytes.len() > LARGEST {
            let error = TooLarge { bytes: bytes.len(), limit: LARGEST };
            return Box::pin(async { Err(StoreError::new(StoreErrorKind::Full, error)) });
        }
        let (server, id, bytes) = (Arc::clone(&self.server), key.whole(), bytes.to_vec());
        self.run(async move {
            match lease {
                Some(token) => put_leased(&server, &id, bytes, life, token).await,
                None => put(&server, &id, bytes, life).await.map(|()| true),
            }
        })
    }

    fn remove<'a>(&'a self, key: &'a StoreKey) -> StoreFuture<'a, ()> {
        let (server, id) = (Arc::clone(&self.server), key.whole());
        self.run(async move { server.collection.delete_one(record::named(&id)).await.map(drop).map_err(failure) })
    }

    /// Takes two round trips for each thousand documents. What is stored meanwhile may be dropped or not.
    fn clear<'a>(&'a self, scope: &'a Scope) -> StoreFuture<'a, ()> {
        let (server, scope) = (Arc::clone(&self.server), scope.clone());
        self.run(async move { upkeep::clear(&server, &scope).await })
    }

    fn lease<'a>(&'a self, key: &'a StoreKey, token: LeaseToken, term: Duration) -> StoreFuture<'a, Leased> {
        let (server, id) = (Arc::clone(&self.server), key.whole());
        self.run(async move { lease(&server, &id, token, term).await })
    }

    fn release<'a>(&'a self, key: &'a StoreKey, token: LeaseToken) -> StoreFuture<'a, ()> {
        let (server, id) = (Arc::clone(&self.server), key.whole());
        self.run(async move { release(&server, &id, token).await })
    }

    /// Counts up to 10,000 entries in two round trips, for each of which the server reads as many. Where there are more, it is an estimate: the
    /// number of documents in the collection, with those of other scopes, and bytes in proportion.
    fn size<'a>(&'a self, scope: &'a Scope) -> StoreFuture<'a, StoreSize> {
        let (server, scope) = (Arc::clone(&self.server), scope.clone());
        self.run(async move { upkeep::size(&server, &scope).await })
    }

    /// Takes three round trips for each thousand documents of the scope, all of which the server reads. Not needed
    /// where [`create_index`](MongoDb::create_index) made an index.
    fn sweep<'a>(&'a self, scope: &'a Scope) -> StoreFuture<'a, u64> {
        let (server, scope) = (Arc::clone(&self.server), scope.clone());
        self.run(async move { upkeep::sweep(&server, &scope).await })
    }
}

impl fmt::Debug for MongoDb {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MongoDb").field("collection", &self.server.collection.namespace().to_string()).finish()
    }
}

/// By its name alone, which every server finds by its index: what is over is left out here.
async fn get(server: &Server, id: &str) -> Result<Option<Vec<u8>>, StoreError> {
    let found = server.collection.find_one(record::named(id)).projection(record::entry_alone()).await;
    let Some(mut document) = found.map_err(failure)? else { return Ok(None) };
    Ok(record::living(&mut document, server.now().await?))
}

async fn put(server: &Server, id: &str, bytes: Vec<u8>, life: Option<Duration>) -> Result<(), StoreError> {
    let _turn = server.turn(id).await?;
    let update = record::storing(bytes, server.now().await?.after(life));
    let mut attempt = 1;
    loop {
        let stored = server.collection.update_one(record::named(id), update.clone()).upsert(true).await;
        match stored {
            // Somebody inserted it between the look for it and the insertion: now it is there to be changed.
            Err(error) if code(&error) == Some(DUPLICATE_KEY) && attempt < ATTEMPTS => attempt += 1,
            outcome => return outcome.map(drop).map_err(failure),
        }
    }
}

async fn put_leased(
    server: &Server,
    id: &str,
    bytes: Vec<u8>,
    life: Option<Duration>,
    token: LeaseToken,
) -> Result<bool, StoreError> {
    let _turn = server.turn(id).await?;
    let now = server.now().await?;
    let update = record::storing(bytes, now.after(life));
    let outcome = server.collection.update_one(record::held(id, token, now), update).await.map_err(failure)?;
    Ok(outcome.matched_count == 1)
}

/// Where another holds the lease, no document matches, and the one to be inserted is there already.
async fn lease(server: &Server, id: &str, token: LeaseToken, term: Duration) -> Result<Leased, StoreError> {
    let _turn = server.turn(id).await?;
    let now = server.now().await?;
    let leasing = record::leasing(token, now.after(Some(term)));
    let found = server
        .collection
        .find_one_and_update(record::free_for(id, token, now), leasing)
        .upsert(true)
        .return_document(ReturnDocument::Before)
        .await;
    match found {
        Ok(before) => Ok(Leased::Granted(before.and_then(|mut document| record::living(&mut document, now)))),
        Err(error) if code(&error) == Some(DUPLICATE_KEY) => Ok(Leased::Held),
        Err(error) => Err(failure(error)),
    }
}

async fn release(server: &Server, id: &str, token: LeaseToken) -> Result<(), StoreError> {
    let _turn = server.turn(id).await?;
    let now = server.now().await?;
    let released = server.collection.update_one(record::held(id, token, now), record::releasing()).await;
    released.map(drop).map_err(failure)
}
