//! The handle that renders and serves metrics.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::Router;
use axum::http::{HeaderMap, StatusCode, header};
use axum::routing::get;
use cachescope_exporter::{DropReason, ExportedItem, ExporterStats};
use opentelemetry_sdk::metrics::ManualReader;
use opentelemetry_sdk::metrics::data::ResourceMetrics;
use opentelemetry_sdk::metrics::reader::MetricReader;
use tokio::sync::Mutex;

use crate::conflict_log::ConflictLog;
use crate::exposition;
use crate::families::Families;
use crate::format::NegotiatedFormat;
use crate::options::Options;
use crate::{Endpoint, Error, Format, ScrapeResponse, Server, server};

/// The component type in the semantic conventions for the telemetry of an SDK.
const COMPONENT: &str = "prometheus_http_text_metric_exporter";

/// Renders and serves the metrics of a [`Reader`](crate::Reader). Clones share the reader; a clone costs one reference
/// count.
#[derive(Clone, Debug)]
pub struct Metrics {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    reader: Arc<ManualReader>,
    options: Options,
    stats: ExporterStats,
    conflicts: ConflictLog,
    /// The length of the last page, as an estimate of the next.
    length: AtomicUsize,
    /// Serializes scrapes: a second one would wait for the SDK's lock anyway, and hold a thread meanwhile.
    scraping: Arc<Mutex<()>>,
}

impl Metrics {
    pub(crate) fn new(reader: Arc<ManualReader>, options: Options) -> Self {
        let stats = ExporterStats::new(COMPONENT, ExportedItem::DataPoint);
        let (conflicts, length, scraping) = Default::default();
        Self { shared: Arc::new(Shared { reader, options, stats, conflicts, length, scraping }) }
    }

    /// Collects and renders all metrics in the Prometheus text format: [`Metrics::encode_as`] with [`Format::Text`].
    ///
    /// # Errors
    ///
    /// As for [`Metrics::encode_as`].
    ///
    /// ```
    /// let (reader, metrics) = cachescope_prometheus::exporter()?;
    /// let _meters = opentelemetry_sdk::metrics::SdkMeterProvider::builder().with_reader(reader).build();
    /// assert!(metrics.encode()?.contains("target_info"));
    /// # Ok::<(), cachescope_prometheus::Error>(())
    /// ```
    pub fn encode(&self) -> Result<String, Error> {
        self.encode_as(Format::Text)
    }

    /// Collects and renders all metrics.
    ///
    /// Runs the callbacks of observable instruments on this thread. Time and memory are proportional to the number of
    /// series: about a microsecond and 200 bytes each. In async code use [`Metrics::scrape`].
    ///
    /// Metrics that can't be exposed are left out, logged once as a warning of `tracing`, and counted at every scrape
    /// by
    /// [`Metrics::stats`]: a metric whose series would have the names of another metric of a different type, and a
    /// point with the labels of another point.
    ///
    /// # Errors
    ///
    /// [`Error::is_unavailable`] if the reader belongs to no running meter provider, or if a callback panicked. After a
    /// callback's panic the SDK's pipeline is lost, so every later call fails too. Never panics.
    ///
    /// ```
    /// use cachescope_prometheus::Format;
    ///
    /// let (reader, metrics) = cachescope_prometheus::exporter()?;
    /// let _meters = opentelemetry_sdk::metrics::SdkMeterProvider::builder().with_reader(reader).build();
    /// assert!(metrics.encode_as(Format::OpenMetrics)?.ends_with("# EOF\n"));
    /// # Ok::<(), cachescope_prometheus::Error>(())
    /// ```
    pub fn encode_as(&self, format: Format) -> Result<String, Error> {
        let Shared { reader, options, stats, conflicts, length, .. } = &*self.shared;
        let mut collected = ResourceMetrics::default();
        catch_unwind(AssertUnwindSafe(|| reader.collect(&mut collected)))
            .map_err(|_| Error::unavailable("a callback of an instrument panicked"))?
            .map_err(|_| {
                Error::unavailable(
                    "the reader belongs to no meter provider, its provider was shut down, or an earlier callback panicked",
                )
            })?;
        let families = Families::new(&collected);
        let mut page = String::with_capacity(length.load(Ordering::Relaxed));
        let written = exposition::write(&collected, &families, format, *options, &mut page);
        length.store(page.len(), Ordering::Relaxed);
        stats.sent(written.points);
        let conflicting: u64 = families.conflicts.iter().map(|conflict| conflict.points).sum();
        stats.dropped(DropReason::Unrepresentable, conflicting + written.duplicates);
        conflicts.warn(&families.conflicts);
        conflicts.warn_about_duplicates(written.duplicates);
        Ok(page)
    }

    /// Collects and renders the response to a scrape with this `Accept` header, for any web framework: metrics in the
    /// preferred format, or status 503 with the reason why there are none.
    ///
    /// Costs as much as [`Metrics::encode_as`], on this thread. In async code use [`Metrics::scrape`]. Never panics.
    ///
    /// ```
    /// let (reader, metrics) = cachescope_prometheus::exporter()?;
    /// let meters = opentelemetry_sdk::metrics::SdkMeterProvider::builder().with_reader(reader).build();
    /// let response = metrics.respond(Some("application/openmetrics-text;version=1.0.0"));
    /// assert_eq!(response.status, 200);
    /// assert_eq!(response.content_type, "application/openmetrics-text; version=1.0.0; charset=utf-8");
    /// meters.shutdown()?;
    /// assert_eq!(metrics.respond(None).status, 503);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn respond(&self, accept: Option<&str>) -> ScrapeResponse {
        let negotiated = NegotiatedFormat::new(accept);
        match self.encode_as(negotiated.format) {
            Ok(body) => ScrapeResponse { status: 200, content_type: negotiated.content_type(), body },
            Err(error) => ScrapeResponse::failure(StatusCode::SERVICE_UNAVAILABLE, &error),
        }
    }

    /// As [`Metrics::respond`], on one of tokio's blocking threads. Scrapes wait for each other. If the future is
    /// dropped, a render that has begun runs on to its end, and the next scrape waits for it.
    ///
    /// # Panics
    ///
    /// Outside a tokio runtime.
    ///
    /// In hyper:
    ///
    /// ```
    /// use axum::response::IntoResponse;
    /// use hyper::{Request, body::Incoming, header::ACCEPT};
    ///
    /// async fn metrics(
    ///     metrics: cachescope_prometheus::Metrics,
    ///     request: Request<Incoming>,
    /// ) -> Result<hyper::Response<axum::body::Body>, std::convert::Infallible> {
    ///     let accept = request.headers().get(ACCEPT).and_then(|accept| accept.to_str().ok());
    ///     Ok(metrics.scrape(accept).await.into_response())
    /// }
    /// ```
    ///
    /// In actix-web:
    ///
    /// ```
    /// use actix_web::{HttpRequest, HttpResponse, http::StatusCode, http::header::ACCEPT, web};
    ///
    /// async fn metrics(metrics: web::Data<cachescope_prometheus::Metrics>, request: HttpRequest) -> HttpResponse {
    ///     let accept = request.headers().get(ACCEPT).and_then(|accept| accept.to_str().ok());
    ///     let response = metrics.scrape(accept).await;
    ///     let status = StatusCode::from_u16(response.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    ///     HttpResponse::build(status).content_type(response.content_type).body(response.body)
    /// }
    ///
    /// let (_reader, handle) = cachescope_prometheus::exporter()?;
    /// let app = actix_web::App::new().app_data(web::Data::new(handle)).route("/metrics", web::get().to(metrics));
    /// # let _ = app;
    /// # Ok::<(), cachescope_prometheus::Error>(())
    /// ```
    pub async fn scrape(&self, accept: Option<&str>) -> ScrapeResponse {
        let accept = accept.map(str::to_owned);
        let permit = Arc::clone(&self.shared.scraping).lock_owned().await;
        let metrics = self.clone();
        // The permit moves along: if the scraper disconnects, the next scrape still waits for the running render.
        let rendered = tokio::task::spawn_blocking(move || {
            let _permit = permit;
            metrics.respond(accept.as_deref())
        });
        let aborted = |_| ScrapeResponse::failure(StatusCode::INTERNAL_SERVER_ERROR, &"rendering was aborted");
        rendered.await.unwrap_or_else(aborted)
    }

    /// Returns a router with `GET /metrics`, to merge into an application's router or to nest below a path. In hyper,
    /// `hyper_util::service::TowerToHyperService::new(metrics.router())` is the whole service.
    ///
    /// A scrape renders on tokio's blocking threads, one at a time, in the format that its `Accept` header prefers.
    /// Without metrics the response is 503. Access control is up to the application.
    ///
    /// ```
    /// let (_reader, metrics) = cachescope_prometheus::exporter()?;
    /// let app: axum::Router = axum::Router::new().merge(metrics.router());
    /// let service = hyper_util::service::TowerToHyperService::new(metrics.router());
    /// # let _ = (app, service);
    /// # Ok::<(), cachescope_prometheus::Error>(())
    /// ```
    pub fn router(&self) -> Router {
        let metrics = self.clone();
        Router::new().route(
            "/metrics",
            get(move |headers: HeaderMap| {
                let metrics = metrics.clone();
                async move { metrics.scrape(accept(&headers).as_deref()).await }
            }),
        )
    }

    /// Serves `GET /metrics` in the current tokio runtime, at an address or an [`Endpoint`]. Port 0 takes any free
    /// port.
    ///
    /// # Errors
    ///
    /// [`Error::is_bind`] if the server can't listen on the address.
    ///
    /// # Panics
    ///
    /// Outside a tokio runtime with IO and time enabled, as tokio's own sockets do. Without a runtime, use
    /// [`Metrics::serve_on_thread`].
    ///
    /// ```
    /// # tokio::runtime::Runtime::new()?.block_on(async {
    /// let (_reader, metrics) = cachescope_prometheus::exporter()?;
    /// let server = metrics.serve(std::net::SocketAddr::from(([127, 0, 0, 1], 0))).await?;
    /// assert_ne!(server.addr().port(), 0);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub async fn serve(&self, endpoint: impl Into<Endpoint>) -> Result<Server, Error> {
        server::on_current_runtime(self.router(), endpoint.into()).await
    }

    /// As [`Metrics::serve`], on a dedicated thread, `cachescope-prometheus`: for programs without tokio, and for
    /// scrapes that must not wait for a busy runtime.
    ///
    /// # Errors
    ///
    /// [`Error::is_bind`] if the server can't listen on the address; another error if the thread can't be started.
    ///
    /// ```
    /// let (_reader, metrics) = cachescope_prometheus::exporter()?;
    /// let server = metrics.serve_on_thread(std::net::SocketAddr::from(([127, 0, 0, 1], 0)))?;
    /// assert_ne!(server.addr().port(), 0);
    /// # Ok::<(), cachescope_prometheus::Error>(())
    /// ```
    pub fn serve_on_thread(&self, endpoint: impl Into<Endpoint>) -> Result<Server, Error> {
        server::on_own_thread(self.router(), endpoint.into())
    }

    /// Returns the counts of data points rendered so far, in all scrapes together. Points that were left out count as
    /// dropped, for the reason `Unrepresentable`.
    ///
    /// ```
    /// let (reader, metrics) = cachescope_prometheus::exporter()?;
    /// let meters = opentelemetry_sdk::metrics::SdkMeterProvider::builder().with_reader(reader).build();
    /// opentelemetry::metrics::MeterProvider::meter(&meters, "shop").u64_counter("orders").build().add(3, &[]);
    /// metrics.encode()?;
    /// metrics.encode()?;
    /// assert_eq!(metrics.stats().total_sent(), 2);
    /// # Ok::<(), cachescope_prometheus::Error>(())
    /// ```
    #[must_use]
    pub fn stats(&self) -> &ExporterStats {
        &self.shared.stats
    }
}

/// Returns the `Accept` header; several header lines are joined.
fn accept(headers: &HeaderMap) -> Option<String> {
    let lines: Vec<_> = headers.get_all(header::ACCEPT).iter().filter_map(|line| line.to_str().ok()).collect();
    (!lines.is_empty()).then(|| lines.join(","))
}
