//! Invalidations through PostgreSQL's LISTEN and NOTIFY.

use std::fmt::Write as _;
use std::time::Duration;

use cachescope_core::shared::{Invalidation, InvalidationStream, StoreError, StoreErrorKind, StoreFuture};
use sha2::{Digest, Sha256};
use sqlx::postgres::{PgListener, PgPoolOptions};
use sqlx::{Pool, Postgres};
use tokio::runtime::Handle;
use tokio::time::timeout;

use crate::error::store_error;

/// The time without a notification after which the connection is checked with a query. A firewall may drop a connection
/// without an error.
const PING_INTERVAL: Duration = Duration::from_secs(10);
/// The longest wait for the reply to that query.
const PING_TIMEOUT: Duration = Duration::from_secs(5);

pub(crate) fn announce<'a>(
    pool: &'a Pool<Postgres>,
    topic: String,
    invalidation: &'a Invalidation,
) -> StoreFuture<'a, ()> {
    Box::pin(async move {
        let notify = sqlx::query("SELECT pg_notify($1, $2)").bind(channel(&topic)).bind(invalidation.as_text());
        notify.execute(pool).await.map(drop).map_err(store_error::<Postgres>)
    })
}

pub(crate) fn listen<'a>(
    pool: &'a Pool<Postgres>,
    topic: String,
) -> StoreFuture<'a, Option<Box<dyn InvalidationStream>>> {
    Box::pin(async move {
        // A separate pool: the listener keeps its connection, and the user's pool may have only one.
        let own_pool = PgPoolOptions::new().max_connections(1).max_lifetime(None).idle_timeout(None);
        let own_pool = own_pool.connect_lazy_with((*pool.connect_options()).clone());
        let mut listener = PgListener::connect_with(&own_pool).await.map_err(store_error::<Postgres>)?;
        listener.eager_reconnect(false);
        listener.ignore_pool_close_event(true);
        // From here on, the listener is dropped within the runtime.
        let mut stream = PgInvalidations { listener: Some(listener), runtime: Handle::current() };
        if let Some(listener) = &mut stream.listener {
            listener.listen(&channel(&topic)).await.map_err(store_error::<Postgres>)?;
        }
        Ok(Some(Box::new(stream) as Box<dyn InvalidationStream>))
    })
}

/// Returns the channel of a topic. The name of a channel has at most 63 bytes, and a scope up to 180, so the name is a
/// hash.
fn channel(topic: &str) -> String {
    let digest = Sha256::digest(topic);
    digest.iter().take(16).fold("cachescope_".to_owned(), |mut name, byte| {
        // Writing to a String never fails.
        let _ = write!(name, "{byte:02x}");
        name
    })
}

/// The notifications of a connection that listens.
struct PgInvalidations {
    /// `None` after the connection was lost.
    listener: Option<PgListener>,
    runtime: Handle,
}

impl InvalidationStream for PgInvalidations {
    fn next(&mut self) -> StoreFuture<'_, Invalidation> {
        Box::pin(async move {
            let received = match &mut self.listener {
                Some(listener) => receive(listener).await,
                None => Err(StoreErrorKind::Unreachable.into()),
            };
            if received.is_err() {
                // The listener would reconnect silently, and invalidations would be missed.
                self.close();
            }
            received
        })
    }
}

async fn receive(listener: &mut PgListener) -> Result<Invalidation, StoreError> {
    loop {
        match timeout(PING_INTERVAL, listener.try_recv()).await {
            Ok(Ok(Some(published))) => return Ok(Invalidation::from_text(published.payload())),
            Ok(Ok(None)) => return Err(StoreErrorKind::Unreachable.into()),
            Ok(Err(error)) => return Err(store_error::<Postgres>(error)),
            Err(_) => {}
        }
        // Notifications that arrive during the query are kept for the next round.
        let reply = timeout(PING_TIMEOUT, sqlx::query("SELECT 1").execute(&mut *listener)).await;
        reply.map_err(|late| StoreError::new(StoreErrorKind::Timeout, late))?.map_err(store_error::<Postgres>)?;
    }
}

impl PgInvalidations {
    /// Drops the listener. It returns its connection in a task, and panics outside a runtime.
    fn close(&mut self) {
        let _within = self.runtime.enter();
        self.listener = None;
    }
}

impl Drop for PgInvalidations {
    fn drop(&mut self) {
        self.close();
    }
}
