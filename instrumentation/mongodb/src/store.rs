//! The public store: [`MongoDb`].

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use cachescope_core::shared::{
    ByteStore, LeaseResult, LeaseToken, Scope, StoreError, StoreErrorKind, StoreFuture, StoreKey, StoreSize,
};
use mongodb::Collection;
use mongodb::bson::Document;
use opentelemetry::context::FutureExt;
use tokio::runtime::Handle;

use crate::document::{MAX_VALUE_BYTES, by_id};
use crate::error::{ValueTooLarge, store_error};
use crate::index::{self, Expiry};
use crate::server_collection::ServerCollection;
use crate::{KIND, key_operations, maintenance};

/// A shared store in MongoDB, or in a server with its protocol, such as FerretDB. Clones are handles to the same store.
///
/// Each key has one document. Several caches can share a collection, which should hold nothing else. An operation on
/// one key is one atomic round trip. Expired entries aren't returned. They are removed by the index that
/// [`create_index`](Self::create_index) creates, or by sweeps. The maximum size of a value is 16 MiB less 16 KiB. A
/// larger value is refused with [`Full`](StoreErrorKind::Full).
///
/// **Clock:** expiry uses the server's clock, so processes with wrong clocks agree to within half a round trip. The
/// clock is read with the first operation and then once a minute, for one more round trip. It is extrapolated in
/// between. After a failover, the old server's clock is used for up to a minute.
///
/// **Cancellation:** a dropped operation completes in the background, because the client's futures must not be dropped
/// half-way. So an operation that timed out may still take effect. Time limits are those of the client. Its
/// `server_selection_timeout` is 30 seconds by default.
///
/// **Invalidations** of other processes aren't announced: MongoDB has change streams on replica sets only, and they
/// also report each stored entry. A cache in memory in front of this store may be stale for up to its `memory_ttl`.
///
/// **FerretDB 1** updates a document in two steps. Operations of one process are serialised for each document. If two
/// processes request an expired lease at the same time, both may get it. If two processes store a value at the same
/// time, the outdated value may win. FerretDB 1 also reads the whole collection for queries on more than the `_id`.
/// Later versions and MongoDB do neither.
///
/// Requires MongoDB 4.4 and a tokio runtime: the one in which the store is created, or else the one in which it is
/// used.
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
    server: Arc<ServerCollection>,
    /// The runtime of the client's tasks.
    runtime: Option<Handle>,
}

impl MongoDb {
    /// Creates a store in a collection. Reads go to the primary, and writes are acknowledged. Other options of the
    /// collection are kept. Sends nothing, and the collection need not exist.
    #[must_use]
    pub fn new(collection: Collection<Document>) -> Self {
        Self { server: Arc::new(ServerCollection::new(&collection)), runtime: Handle::try_current().ok() }
    }

    /// Creates a TTL index, by which the server removes expired entries within about a minute. Does nothing if the
    /// index exists.
    ///
    /// Call this when the program starts, or once at deployment. If the server doesn't support TTL indexes, a warning
    /// is logged, and [`Expiry::Sweeps`] is returned. Then sweeps remove expired entries.
    ///
    /// # Errors
    /// If the server can't be reached or refuses.
    #[doc(alias = "ttl")]
    pub async fn create_index(&self) -> Result<Expiry, StoreError> {
        let server = Arc::clone(&self.server);
        self.run(async move { index::create(&server.collection).await }).await
    }

    /// Runs `work` in a task, so that it completes even if the future is dropped. The caller's span is the parent of
    /// the client's spans.
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
        let (server, id) = (Arc::clone(&self.server), key.full_name());
        self.run(async move { key_operations::get(&server, &id).await })
    }

    fn put<'a>(
        &'a self,
        key: &'a StoreKey,
        bytes: &'a [u8],
        ttl: Option<Duration>,
        lease: Option<LeaseToken>,
    ) -> StoreFuture<'a, bool> {
        if bytes.len() > MAX_VALUE_BYTES {
            let error = ValueTooLarge { bytes: bytes.len(), limit: MAX_VALUE_BYTES };
            return Box::pin(async { Err(StoreError::new(StoreErrorKind::Full, error)) });
        }
        let (server, id, bytes) = (Arc::clone(&self.server), key.full_name(), bytes.to_vec());
        self.run(async move {
            match lease {
                Some(token) => key_operations::put_leased(&server, &id, bytes, ttl, token).await,
                None => key_operations::put(&server, &id, bytes, ttl).await.map(|()| true),
            }
        })
    }

    fn remove<'a>(&'a self, key: &'a StoreKey) -> StoreFuture<'a, ()> {
        let (server, id) = (Arc::clone(&self.server), key.full_name());
        self.run(async move { server.collection.delete_one(by_id(&id)).await.map(drop).map_err(store_error) })
    }

    /// Takes two round trips for each 1,000 documents. Entries that are stored meanwhile may or may not be removed.
    fn clear<'a>(&'a self, scope: &'a Scope) -> StoreFuture<'a, ()> {
        let (server, scope) = (Arc::clone(&self.server), scope.clone());
        self.run(async move { maintenance::clear(&server, &scope).await })
    }

    fn lease<'a>(&'a self, key: &'a StoreKey, token: LeaseToken, term: Duration) -> StoreFuture<'a, LeaseResult> {
        let (server, id) = (Arc::clone(&self.server), key.full_name());
        self.run(async move { key_operations::lease(&server, &id, token, term).await })
    }

    fn release<'a>(&'a self, key: &'a StoreKey, token: LeaseToken) -> StoreFuture<'a, ()> {
        let (server, id) = (Arc::clone(&self.server), key.full_name());
        self.run(async move { key_operations::release(&server, &id, token).await })
    }

    /// Counts up to 10,000 entries, in two round trips. The server reads the counted entries once for each round trip.
    /// Above 10,000 entries, the result is an estimate: the number of all documents in the collection, and bytes in
    /// proportion.
    fn size<'a>(&'a self, scope: &'a Scope) -> StoreFuture<'a, StoreSize> {
        let (server, scope) = (Arc::clone(&self.server), scope.clone());
        self.run(async move { maintenance::size(&server, &scope).await })
    }

    /// Takes three round trips for each 1,000 documents of the scope. The server reads all of them. Sweeps aren't
    /// needed if [`create_index`](MongoDb::create_index) created an index.
    fn sweep<'a>(&'a self, scope: &'a Scope) -> StoreFuture<'a, u64> {
        let (server, scope) = (Arc::clone(&self.server), scope.clone());
        self.run(async move { maintenance::sweep(&server, &scope).await })
    }
}

impl fmt::Debug for MongoDb {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MongoDb").field("collection", &self.server.collection.namespace().to_string()).finish()
    }
}
