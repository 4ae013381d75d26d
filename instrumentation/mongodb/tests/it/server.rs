//! What tests ask of the server.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use cachescope_core::shared::{LeaseToken, Scope, StoreKey};
use cachescope_mongodb::MongoDb;
use cachescope_mongodb::mongodb::bson::Document;
use cachescope_mongodb::mongodb::options::ClientOptions;
use cachescope_mongodb::mongodb::{Client, Collection};
use cachescope_stack::Server;

pub(crate) const LONG: Duration = Duration::from_secs(3_600);

/// How long anything may take on a machine that is busy with other things.
const PATIENCE: Duration = Duration::from_secs(60);

/// One of a test's own, which is stopped when it is dropped.
pub(crate) fn start() -> Server {
    Server::mongodb().unwrap()
}

pub(crate) async fn options(server: &Server) -> ClientOptions {
    let mut options = ClientOptions::parse(server.url()).await.unwrap();
    options.server_selection_timeout = Some(Duration::from_secs(2));
    options
}

/// A collection that a client of its own reaches, as another process would.
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

/// Another each time.
pub(crate) fn token() -> LeaseToken {
    static DRAWN: AtomicU64 = AtomicU64::new(1);
    LeaseToken::from_random(DRAWN.fetch_add(1, Ordering::Relaxed) << 2)
}

/// Asks again until it is so.
pub(crate) async fn eventually<F: Future<Output = bool>>(what: &str, mut is_so: impl FnMut() -> F) {
    let begun = Instant::now();
    while !is_so().await {
        assert!(begun.elapsed() < PATIENCE, "{what}: not after {PATIENCE:?}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}
