//! The service: the cache before the database, and HTTP before the cache.

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

/// Small enough beside the products that the cache has to choose what it keeps.
const CAPACITY: u64 = 1_000;
/// Short enough that entries expire while one watches.
const FRESH_FOR: Duration = Duration::from_secs(5);

/// Taken unless the user names another or it is in use.
const PORT: u16 = 4300;
/// How long requests under way may take once the service is told to stop.
const GRACE: Duration = Duration::from_secs(1);

/// The query with its cache before it.
pub(crate) type Products = Cached<i64, Arc<Product>, sqlx::Error>;

/// Wraps the query.
pub(crate) fn products(catalog: Catalog) -> Products {
    let load = move |id| {
        let catalog = catalog.clone();
        async move { catalog.product(id).await.map(Arc::new) }
    };
    try_cached("product.by_id", load).store(Moka::with_capacity(CAPACITY)).stale_after(FRESH_FOR).build()
}

/// `GET /products/{id}`, and what `metrics` serves.
pub(crate) fn router(products: Products, metrics: Option<Router>) -> Router {
    Router::new().route("/products/{id}", get(product)).with_state(products).merge(metrics.unwrap_or_default())
}

/// The span is the parent of the cache's own, `cache.get product.by_id`.
#[tracing::instrument(name = "GET /products/{id}", skip_all, fields(otel.kind = "server"))]
async fn product(State(products): State<Products>, Path(id): Path<i64>) -> Result<Json<Arc<Product>>, StatusCode> {
    products.try_call(id).await.map(Json).map_err(|error| match error.load_error() {
        Some(sqlx::Error::RowNotFound) => StatusCode::NOT_FOUND,
        _ => {
            tracing::error!("a product couldn't be loaded: {error}");
            StatusCode::INTERNAL_SERVER_ERROR
        }
    })
}

/// The running service, on loopback.
#[derive(Debug)]
pub(crate) struct Server {
    address: SocketAddr,
    stop: oneshot::Sender<()>,
    serving: JoinHandle<io::Result<()>>,
}

impl Server {
    /// Serves `router` on this port; without one on a usual port, or on any that is free.
    pub(crate) async fn start(router: Router, port: Option<u16>) -> anyhow::Result<Self> {
        let bind = |port| TcpListener::bind((Ipv4Addr::LOCALHOST, port));
        let listener = match port {
            Some(port) => {
                bind(port).await.with_context(|| format!("can't listen on port {port}: give another as --port"))?
            }
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

    /// Where it listens.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Lets requests under way finish, and ends.
    pub(crate) async fn stop(self) {
        drop(self.stop);
        let abort = self.serving.abort_handle();
        if tokio::time::timeout(GRACE, self.serving).await.is_err() {
            // A client that sends nothing more: not worth waiting for.
            abort.abort();
        }
    }
}
