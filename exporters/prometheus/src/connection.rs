//! A connection to the server, which serves one scrape.

use std::convert::Infallible;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderValue, Request, Response, StatusCode, header};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::{BasicAuth, Endpoint};

/// The longest time of a whole scrape. Prometheus gives up after ten seconds by default, and at the latest after its
/// scrape interval.
const SCRAPE_LIMIT: Duration = Duration::from_secs(60);
const HEAD_LIMIT: Duration = Duration::from_secs(5);
const HEAD_SIZE: usize = 16 << 10;

/// Serves connections: the router behind authentication and TLS.
#[derive(Clone, Debug)]
pub(crate) struct ScrapeHandler {
    app: TowerToHyperService<Router>,
    auth: Option<BasicAuth>,
    #[cfg(feature = "tls")]
    tls: Option<crate::Tls>,
}

impl ScrapeHandler {
    pub(crate) fn new(app: Router, endpoint: Endpoint) -> Self {
        Self {
            app: TowerToHyperService::new(app),
            auth: endpoint.auth,
            #[cfg(feature = "tls")]
            tls: endpoint.tls,
        }
    }

    /// Serves one request. Errors of the connection are ignored: the scraper notices them.
    pub(crate) async fn serve(&self, stream: TcpStream) {
        let _ = timeout(SCRAPE_LIMIT, async {
            #[cfg(feature = "tls")]
            if let Some(tls) = &self.tls {
                if let Ok(Ok(stream)) = timeout(HEAD_LIMIT, tls.acceptor().accept(stream)).await {
                    self.answer(stream).await;
                }
                return;
            }
            self.answer(stream).await;
        })
        .await;
    }

    async fn answer(&self, stream: impl AsyncRead + AsyncWrite + Unpin) {
        let service = service_fn(|request: Request<Incoming>| async {
            if self.admits(&request) { self.app.call(request).await } else { Ok::<_, Infallible>(refusal()) }
        });
        let _ = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(HEAD_LIMIT)
            .max_header_size(HEAD_SIZE)
            // Scrapes are seconds apart. Without keep-alive, the time limit of a connection is a scrape's.
            .keep_alive(false)
            .serve_connection(TokioIo::new(stream), service)
            .await;
    }

    fn admits(&self, request: &Request<Incoming>) -> bool {
        let sent = request.headers().get(header::AUTHORIZATION).map(HeaderValue::as_bytes);
        self.auth.as_ref().is_none_or(|auth| auth.admits(sent))
    }
}

fn refusal() -> Response<Body> {
    let mut response = Response::new(Body::from("user name or password missing or wrong\n"));
    *response.status_mut() = StatusCode::UNAUTHORIZED;
    let challenge = HeaderValue::from_static("Basic realm=\"metrics\", charset=\"UTF-8\"");
    response.headers_mut().insert(header::WWW_AUTHENTICATE, challenge);
    response
}
