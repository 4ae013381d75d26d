//! The service: a cache in front of the database, and HTTP in front of the cache.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::routing::get;
use axum::{Json, Router};
use cachescope::{Cached, Moka, try_cached};
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::catalog::{Catalog, Product};

/// Far smaller than the number of products, so the cache evicts.
const CAPACITY: u64 = 1_000;
/// Short enough that entries expire while you watch.
const STALE_AFTER: Duration = Duration::from_secs(5);

/// The default port. If it is in use, any free port.
const PORT: u16 = 4300;
/// The time that running requests get once the service stops.
const GRACE: Duration = Duration::from_secs(1);

/// The cached query.
pub(crate) type Products = Cached<i64, Arc<Product>, sqlx::Error>;

/// Wraps the query with a cache.
pub(crate) fn products(catalog: Catalog) -> Products {
    let load = move |id| {
        let catalog = catalog.clone();
        async move { catalog.product(id).await.map(Arc::new) }
    };
    try_cached("product.by_id", load).store(Moka::with_capacity(CAPACITY)).stale_after(STALE_AFTER).build()
}

/// Routes `GET /products/{id}`, and the routes of `metrics`.
pub(crate) fn router(products: Products, metrics: Option<Router>) -> Router {
    Router::new().route("/products/{id}", get(product)).with_state(products).merge(metrics.unwrap_or_default())
}

/// Handles a request. Its span is the parent of the cache's span `cache.get product.by_id`.
#[tracing::instrument(name = "GET /products/{id}", skip_all, fields(otel.kind = "server"))]
async fn product(State(products): State<Products>, Path(id): Path<i64>) -> Result<Json<Arc<Product>>, StatusCode> {
    products.try_call(id).await.map(Json).map_err(|error| match error.load_error() {
        Some(sqlx::Error::RowNotFound) => StatusCode::NOT_FOUND,
        _ => {
            tracing::error!("failed to load a product: {error}");
            StatusCode::INTERNAL_SERVER_ERROR
        }
    })
}

/// The running service, on 127.0.0.1.
#[derive(Debug)]
pub(crate) struct Server {
    address: SocketAddr,
    stop: oneshot::Sender<()>,
    serving: JoinHandle<io::Result<()>>,
}

impl Server {
    /// Serves `router` on `port`; if `port` is `None`, on the default port or any free port.
    pub(crate) async fn start(router: Router, port: Option<u16>) -> anyhow::Result<Self> {
        let bind = |port| TcpListener::bind((Ipv4Addr::LOCALHOST, port));
        let listener = match port {
            Some(port) => bind(port)
                .await
                .with_context(|| format!("failed to listen on port {port}: set --port to another one"))?,
            None => match bind(PORT).await {
                Ok(listener) => listener,
                Err(_) => bind(0).await?,
            },
        };
        let address = listener.local_addr()?;
        let (stop, stopped) = oneshot::channel();
        let serve = axum::serve(listener, router).with_graceful_shutdown(async { drop(stopped.await) });
        Ok(Self { address, stop, serving: tokio::spawn(serve.into_future()) })
    }

    /// Returns the address that the service listens on.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Stops accepting requests, waits for the running ones, and ends.
    pub(crate) async fn stop(self) {
        drop(self.stop);
        let abort = self.serving.abort_handle();
        if tokio::time::timeout(GRACE, self.serving).await.is_err() {
            // A connection is still open after the grace period: close it.
            abort.abort();
        }
    }
}
