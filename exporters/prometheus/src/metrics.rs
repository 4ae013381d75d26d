use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::Router;
use axum::http::{HeaderMap, StatusCode, header};
use axum::routing::get;
use cachescope_core::{DropReason, ExportedItem, Exports};
use opentelemetry_sdk::metrics::ManualReader;
use opentelemetry_sdk::metrics::data::ResourceMetrics;
use opentelemetry_sdk::metrics::reader::MetricReader;
use tokio::sync::Mutex;

use crate::conflicts::Conflicts;
use crate::exposition;
use crate::families::Families;
use crate::format::Negotiated;
use crate::options::Options;
use crate::{Endpoint, Error, Format, Page, Server, server};

/// As the conventions for the telemetry of an SDK call it.
const COMPONENT: &str = "prometheus_http_text_metric_exporter";

/// Renders what a [`Reader`](crate::Reader) collects. Clones share it; a clone costs one reference count.
#[derive(Clone, Debug)]
pub struct Metrics {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    reader: Arc<ManualReader>,
    options: Options,
    exports: Exports,
    conflicts: Conflicts,
    /// How long the last page was: the next will be about as long.
    length: AtomicUsize,
    /// One scrape at a time: a second would wait for the collector's lock anyway, holding a thread while it does.
    scraping: Arc<Mutex<()>>,
}

impl Metrics {
    pub(crate) fn new(reader: Arc<ManualReader>, options: Options) -> Self {
        let exports = Exports::new(COMPONENT, ExportedItem::DataPoint);
        let (conflicts, length, scraping) = Default::default();
        Self { shared: Arc::new(Shared { reader, options, exports, conflicts, length, scraping }) }
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
    /// Runs the callbacks of observable instruments on this thread and takes time and memory in proportion to the
    /// number of series (about a microsecond and 200 bytes each); in async code use [`Metrics::scrape`].
    ///
    /// What can't be shown is left out, said once by a warning of `tracing`, and counted by [`Metrics::exports`] at
    /// every scrape: a metric whose series would be named as those of another of a different type, and a point whose
    /// labels another point has.
    ///
    /// # Errors
    ///
    /// [`Error::is_unavailable`] if there is no live meter provider behind the reader or a callback panicked. Once a
    /// callback has panicked the SDK's pipeline is lost, so every later call fails too. Never panics.
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
        let Shared { reader, options, exports, conflicts, length, .. } = &*self.shared;
        let mut collected = ResourceMetrics::default();
        catch_unwind(AssertUnwindSafe(|| reader.collect(&mut collected)))
            .map_err(|_| Error::unavailable("a callback of an instrument panicked"))?
            .map_err(|_| {
                Error::unavailable(
                    "the reader is in no meter provider, its provider was shut down, or an earlier callback panicked",
                )
            })?;
        let families = Families::of(&collected);
        let mut page = String::with_capacity(length.load(Ordering::Relaxed));
        let written = exposition::write(&collected, &families, format, *options, &mut page);
        length.store(page.len(), Ordering::Relaxed);
        exports.sent(written.points);
        let conflicting: u64 = families.conflicts.iter().map(|conflict| conflict.points).sum();
        exports.dropped(DropReason::Unrepresentable, conflicting + written.duplicates);
        conflicts.say(&families.conflicts);
        conflicts.say_duplicates(written.duplicates);
        Ok(page)
    }

    /// What to answer a scraper that sent this `Accept` header, whatever the web framework: metrics in the format it
    /// prefers, or status 503 and the reason why there are none.
    ///
    /// Costs what [`Metrics::encode_as`] does, on this thread; in async code use [`Metrics::scrape`]. Never panics.
    ///
    /// ```
    /// let (reader, metrics) = cachescope_prometheus::exporter()?;
    /// let meters = opentelemetry_sdk::metrics::SdkMeterProvider::builder().with_reader(reader).build();
    /// let page = metrics.respond(Some("application/openmetrics-text;version=1.0.0"));
    /// assert_eq!((page.status, page.content_type), (200, "application/openmetrics-text; version=1.0.0; charset=utf-8"));
    /// meters.shutdown()?;
    /// assert_eq!(metrics.respond(None).status, 503);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn respond(&self, accept: Option<&str>) -> Page {
        let negotiated = Negotiated::of(accept);
        match self.encode_as(negotiated.format) {
            Ok(body) => Page { status: 200, content_type: negotiated.content_type(), body },
            Err(error) => Page::failure(StatusCode::SERVICE_UNAVAILABLE, &error),
        }
    }

    /// As [`Metrics::respond`], on one of tokio's blocking threads, scrapes waiting for each other. Dropped, it leaves a
    /// render that has begun to end by itself, and the next scrape waiting for that.
    ///
    /// # Panics
    ///
    /// Outside of a tokio runtime.
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
    ///     let page = metrics.scrape(request.headers().get(ACCEPT).and_then(|accept| accept.to_str().ok())).await;
    ///     let status = StatusCode::from_u16(page.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    ///     HttpResponse::build(status).content_type(page.content_type).body(page.body)
    /// }
    ///
    /// let (_reader, shown) = cachescope_prometheus::exporter()?;
    /// let app = actix_web::App::new().app_data(web::Data::new(shown)).route("/metrics", web::get().to(metrics));
    /// # let _ = app;
    /// # Ok::<(), cachescope_prometheus::Error>(())
    /// ```
    pub async fn scrape(&self, accept: Option<&str>) -> Page {
        let accept = accept.map(str::to_owned);
        let turn = Arc::clone(&self.shared.scraping).lock_owned().await;
        let metrics = self.clone();
        // The turn goes along: a scraper that hangs up does not let the next one in beside a render still running.
        let rendered = tokio::task::spawn_blocking(move || {
            let _turn = turn;
            metrics.respond(accept.as_deref())
        });
        let cut_short = |_| Page::failure(StatusCode::INTERNAL_SERVER_ERROR, &"rendering was cut short");
        rendered.await.unwrap_or_else(cut_short)
    }

    /// A router with `GET /metrics`, to merge into an application's own or to nest below a path; in hyper,
    /// `hyper_util::service::TowerToHyperService::new(metrics.router())` is the whole service.
    ///
    /// A scrape renders on tokio's blocking threads, one at a time, in the format that its `Accept` header prefers; if
    /// there is nothing to show it answers 503. Who may scrape is for the application to say.
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

    /// Serves `GET /metrics` in the current tokio runtime, on an address or as an [`Endpoint`] says; port 0 takes any
    /// free port.
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
    /// let server = metrics.serve(std::net::SocketAddr::from(([127, 0, 0, 1], 0))).await?;
    /// assert_ne!(server.addr().port(), 0);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub async fn serve(&self, endpoint: impl Into<Endpoint>) -> Result<Server, Error> {
        server::on_current_runtime(self.router(), endpoint.into()).await
    }

    /// As [`Metrics::serve`], from a thread of its own, `cachescope-prometheus`: for programs without tokio, and for
    /// scrapes that must not wait for a busy runtime.
    ///
    /// # Errors
    ///
    /// [`Error::is_bind`] if the address can't be listened on; otherwise the thread can't be started.
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

    /// What this exporter has rendered so far, in points of metrics, all scrapes together; what was left out of them is
    /// dropped as unrepresentable.
    ///
    /// ```
    /// let (reader, metrics) = cachescope_prometheus::exporter()?;
    /// let meters = opentelemetry_sdk::metrics::SdkMeterProvider::builder().with_reader(reader).build();
    /// opentelemetry::metrics::MeterProvider::meter(&meters, "shop").u64_counter("orders").build().add(3, &[]);
    /// metrics.encode()?;
    /// metrics.encode()?;
    /// assert_eq!(metrics.exports().total_sent(), 2);
    /// # Ok::<(), cachescope_prometheus::Error>(())
    /// ```
    #[must_use]
    pub fn exports(&self) -> &Exports {
        &self.shared.exports
    }
}

/// All that was sent of it: one header line or several.
fn accept(headers: &HeaderMap) -> Option<String> {
    let lines: Vec<_> = headers.get_all(header::ACCEPT).iter().filter_map(|line| line.to_str().ok()).collect();
    (!lines.is_empty()).then(|| lines.join(","))
}
