//! Helpers that start servers and create stores.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use cachescope_core::shared::{LeaseToken, Scope, StoreKey};
use cachescope_harness::Server;
use cachescope_mongodb::MongoDb;
use cachescope_mongodb::mongodb::bson::Document;
use cachescope_mongodb::mongodb::options::ClientOptions;
use cachescope_mongodb::mongodb::{Client, Collection};

pub(crate) const LONG: Duration = Duration::from_secs(3_600);

/// The longest time that any step may take on a busy machine.
const TIMEOUT: Duration = Duration::from_secs(60);

/// Starts a server for one test. Dropping it stops the server.
pub(crate) fn start() -> Server {
    Server::mongodb().unwrap()
}

pub(crate) async fn options(server: &Server) -> ClientOptions {
    let mut options = ClientOptions::parse(server.url()).await.unwrap();
    options.server_selection_timeout = Some(Duration::from_secs(2));
    options
}

/// Returns a collection with a separate client, as another process would have.
pub(crate) async fn collection(server: &Server) -> Collection<Document> {
    let client = Client::with_options(options(server).await).unwrap();
    client.database("test").collection("cache")
}

pub(crate) async fn store(server: &Server) -> MongoDb {
    MongoDb::new(collection(server).await)
}

pub(crate) fn scope(cache: &str) -> Scope {
    Scope::new("test", cache, 1).unwrap()
}

pub(crate) fn key(key: u64) -> StoreKey {
    scope("cache").key(&key).unwrap()
}

/// Returns a new token.
pub(crate) fn token() -> LeaseToken {
    static DRAWN: AtomicU64 = AtomicU64::new(1);
    LeaseToken::from_random(DRAWN.fetch_add(1, Ordering::Relaxed) << 2)
}

/// Waits until `condition` is true.
pub(crate) async fn eventually<F: Future<Output = bool>>(what: &str, mut condition: impl FnMut() -> F) {
    let begun = Instant::now();
    while !condition().await {
        assert!(begun.elapsed() < TIMEOUT, "{what}: not after {TIMEOUT:?}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}
