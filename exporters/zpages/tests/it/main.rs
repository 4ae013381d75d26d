//! The page's responses to browsers, terminals and scripts.

#![expect(clippy::unwrap_used, reason = "helpers of tests panic as the tests do")]

mod events;
mod routes;
mod server;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{Request, Response};
use hyper::service::Service;
use hyper_util::service::TowerToHyperService;

/// Sends a request with these headers to `app`, and returns the response.
async fn get(app: Router, path: &str, headers: &[(&str, &str)]) -> Response<Body> {
    let request = headers.iter().fold(Request::get(path), |request, (name, value)| request.header(*name, *value));
    TowerToHyperService::new(app).call(request.body(Body::empty()).unwrap()).await.unwrap()
}

/// Sends a request to the page's router, and returns status, content type and text.
async fn page(path: &str, headers: &[(&str, &str)]) -> (u16, String, String) {
    let answer = get(cachescope_zpages::router(), path, headers).await;
    let kind = answer.headers().get("content-type").map(|kind| kind.to_str().unwrap().to_owned()).unwrap_or_default();
    (answer.status().as_u16(), kind, text(answer).await)
}

async fn text(answer: Response<Body>) -> String {
    String::from_utf8(to_bytes(answer.into_body(), 1 << 24).await.unwrap().to_vec()).unwrap()
}

/// Creates a cache with this name, two hits and two misses.
async fn used_cache(name: &str) -> cachescope::Cached<u64, u64> {
    let cache = cachescope::cached(name, |n: u64| async move { n * n }).label("team", "tests").build();
    for n in [1, 2, 1, 1] {
        cache.call(n).await;
    }
    cache
}
