//! What processes tell each other through PostgreSQL.

use std::fmt::Write as _;
use std::time::Duration;

use cachescope_core::shared::{Notice, Notices, Scope, StoreError, StoreErrorKind, StoreFuture};
use sha2::{Digest, Sha256};
use sqlx::Postgres;
use sqlx::postgres::{PgListener, PgPoolOptions};
use tokio::runtime::Handle;
use tokio::time::timeout;

use crate::error::failed;
use crate::store::Sql;

/// How long nothing may be heard before the connection is asked whether it is still there, and how long it may think
/// about it. A firewall that has forgotten it tells nobody.
const SILENCE: Duration = Duration::from_secs(10);
const PATIENCE: Duration = Duration::from_secs(5);

pub(crate) fn announce<'a>(store: &'a Sql<Postgres>, scope: &'a Scope, notice: &'a Notice) -> StoreFuture<'a, ()> {
    Box::pin(async move {
        let told = sqlx::query("SELECT pg_notify($1, $2)").bind(channel(store, scope)).bind(notice.as_text());
        told.execute(store.pool()).await.map(drop).map_err(failed::<Postgres>)
    })
}

pub(crate) fn listen<'a>(store: &'a Sql<Postgres>, scope: &'a Scope) -> StoreFuture<'a, Option<Box<dyn Notices>>> {
    Box::pin(async move {
        // A pool of its own: the listener keeps its connection, and in the user's pool there may be one only.
        let pool = PgPoolOptions::new().max_connections(1).max_lifetime(None).idle_timeout(None);
        let pool = pool.connect_lazy_with((*store.pool().connect_options()).clone());
        let mut listener = PgListener::connect_with(&pool).await.map_err(failed::<Postgres>)?;
        listener.eager_reconnect(false);
        listener.ignore_pool_close_event(true);
        // From here on it is dropped within the runtime.
        let mut listening = Listening { listener: Some(listener), runtime: Handle::current() };
        if let Some(listener) = &mut listening.listener {
            listener.listen(&channel(store, scope)).await.map_err(failed::<Postgres>)?;
        }
        Ok(Some(Box::new(listening) as Box<dyn Notices>))
    })
}

/// Where the notices of a scope are told. A channel's name has up to 63 bytes, and a scope up to 180.
fn channel(store: &Sql<Postgres>, scope: &Scope) -> String {
    let digest = Sha256::digest(format!("{} {}", store.quoted(), scope.as_str()));
    digest.iter().take(16).fold("cachescope_".to_owned(), |mut name, byte| {
        // To a String it never fails.
        let _ = write!(name, "{byte:02x}");
        name
    })
}

/// A connection that listens.
struct Listening {
    /// Gone once its connection was lost.
    listener: Option<PgListener>,
    runtime: Handle,
}

impl Notices for Listening {
    fn next(&mut self) -> StoreFuture<'_, Notice> {
        Box::pin(async move {
            let heard = match &mut self.listener {
                Some(listener) => hear(listener).await,
                None => Err(StoreErrorKind::Unreachable.into()),
            };
            if heard.is_err() {
                // It would connect anew and go on, and nobody would know what was missed.
                self.end();
            }
            heard
        })
    }
}

async fn hear(listener: &mut PgListener) -> Result<Notice, StoreError> {
    loop {
        match timeout(SILENCE, listener.try_recv()).await {
            Ok(Ok(Some(told))) => return Ok(Notice::from_text(told.payload())),
            Ok(Ok(None)) => return Err(StoreErrorKind::Unreachable.into()),
            Ok(Err(error)) => return Err(failed::<Postgres>(error)),
            Err(_) => {}
        }
        // What it hears meanwhile it keeps for the next turn.
        let asked = timeout(PATIENCE, sqlx::query("SELECT 1").execute(&mut *listener)).await;
        asked.map_err(|late| StoreError::new(StoreErrorKind::Timeout, late))?.map_err(failed::<Postgres>)?;
    }
}

impl Listening {
    /// The listener hands its connection back by a task, and panics where it can't spawn one.
    fn end(&mut self) {
        let _within = self.runtime.enter();
        self.listener = None;
    }
}

impl Drop for Listening {
    fn drop(&mut self) {
        self.end();
    }
}
