use std::net::SocketAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use axum::Router;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use prometheus::{Registry, TextEncoder};
use tokio::sync::Mutex;

use crate::{Error, Server, server};

/// The media type of [`Metrics::encode`]: the Prometheus text format.
pub const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Renders what a [`Reader`](crate::Reader) collects. Clones share it; a clone costs two reference counts.
#[derive(Clone, Debug)]
pub struct Metrics {
    registry: Registry,
    /// One scrape at a time: a second would wait for the collector's lock anyway, holding a thread while it does.
    scraping: Arc<Mutex<()>>,
}

impl Metrics {
    pub(crate) fn new(registry: Registry) -> Self {
        Self { registry, scraping: Arc::default() }
    }

    /// Collects and renders all metrics in the Prometheus text format.
    ///
    /// Runs the callbacks of observable instruments on this thread and takes time in proportion to the number of
    /// series; in async code use [`Metrics::router`], or `spawn_blocking`.
    ///
    /// # Errors
    ///
    /// [`Error::is_unavailable`] if there is no live meter provider behind the reader or a callback panicked. Once a
    /// callback has panicked the SDK's pipeline is lost, so every later call fails too. Never panics.
    ///
    /// ```
    /// let (reader, metrics) = cachescope_prometheus::exporter()?;
    /// let _meters = opentelemetry_sdk::metrics::SdkMeterProvider::builder().with_reader(reader).build();
    /// assert!(metrics.encode()?.contains("target_info"));
    /// # Ok::<(), cachescope_prometheus::Error>(())
    /// ```
    pub fn encode(&self) -> Result<String, Error> {
        let families = catch_unwind(AssertUnwindSafe(|| self.registry.gather()))
            .map_err(|_| Error::unavailable("a callback of an instrument panicked"))?;
        if families.is_empty() {
            // Even without instruments there is `target_info`, so nothing at all means that collecting failed, which
            // the underlying crate only logs.
            return Err(Error::unavailable(
                "the reader is in no meter provider, its provider was shut down, or an earlier callback panicked",
            ));
        }
        TextEncoder::new().encode_to_string(&families).map_err(|error| Error::unavailable(error.to_string()))
    }

    /// A router with `GET /metrics`, to merge into an application's own or to nest below a path.
    ///
    /// A scrape renders on tokio's blocking threads, one at a time; if there is nothing to show it answers 503.
    ///
    /// ```
    /// let (_reader, metrics) = cachescope_prometheus::exporter()?;
    /// let app: axum::Router = axum::Router::new().merge(metrics.router());
    /// # let _ = app;
    /// # Ok::<(), cachescope_prometheus::Error>(())
    /// ```
    pub fn router(&self) -> Router {
        let metrics = self.clone();
        Router::new().route(
            "/metrics",
            get(move || {
                let metrics = metrics.clone();
                async move { metrics.respond().await }
            }),
        )
    }

    /// Serves `GET /metrics` on `addr` in the current tokio runtime; port 0 takes any free port.
    ///
    /// # Errors
    ///
    /// [`Error::is_bind`] if the address can't be listened on.
    ///
    /// # Panics
    ///
    /// Outside of a tokio runtime with IO and time enabled, as tokio's own sockets do; there, use
    /// [`Metrics::serve_on_thread`].
    ///
    /// ```
    /// # tokio::runtime::Runtime::new()?.block_on(async {
    /// let (_reader, metrics) = cachescope_prometheus::exporter()?;
    /// let server = metrics.serve(([127, 0, 0, 1], 0).into()).await?;
    /// assert_ne!(server.addr().port(), 0);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub async fn serve(&self, addr: SocketAddr) -> Result<Server, Error> {
        server::on_current_runtime(self.router(), addr).await
    }

    /// Serves `GET /metrics` on `addr` from a thread of its own, `cachescope-prometheus`: for programs without tokio,
    /// and for scrapes that must not wait for a busy runtime.
    ///
    /// # Errors
    ///
    /// [`Error::is_bind`] if the address can't be listened on; otherwise the thread can't be started.
    ///
    /// ```
    /// let (_reader, metrics) = cachescope_prometheus::exporter()?;
    /// let server = metrics.serve_on_thread(([127, 0, 0, 1], 0).into())?;
    /// assert_ne!(server.addr().port(), 0);
    /// # Ok::<(), cachescope_prometheus::Error>(())
    /// ```
    pub fn serve_on_thread(&self, addr: SocketAddr) -> Result<Server, Error> {
        server::on_own_thread(self.router(), addr)
    }

    async fn respond(self) -> Response {
        let turn = Arc::clone(&self.scraping).lock_owned().await;
        // The turn goes along: a scraper that hangs up does not let the next one in beside a render still running.
        let rendered = tokio::task::spawn_blocking(move || {
            let _turn = turn;
            self.encode()
        });
        match rendered.await {
            Ok(Ok(text)) => ([(header::CONTENT_TYPE, CONTENT_TYPE)], text).into_response(),
            Ok(Err(error)) => (StatusCode::SERVICE_UNAVAILABLE, format!("{error}\n")).into_response(),
            Err(_) => (StatusCode::INTERNAL_SERVER_ERROR, "rendering was cut short\n").into_response(),
        }
    }
}
