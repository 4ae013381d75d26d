//! The routes of the page.

use axum::extract::{OriginalUri, Path, Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::from_fn;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use serde::Serialize;
use tokio::task::spawn_blocking;

use crate::events::{EventQuery, events};
use crate::model::{self, Detail, SharedOverview};
use crate::{assets, headers, text};

/// Returns a router with the page and its data, to mount under any path.
///
/// The router shows every cache of the process to everyone who can reach it: mount it behind a password or in a
/// protected
/// network. A server that waits for its connections before it stops waits for an open page for up to half a minute.
///
/// ```
/// let app: axum::Router = axum::Router::new().nest("/caches", cachescope_zpages::router());
/// # let _ = app;
/// ```
pub fn router() -> Router {
    Router::new()
        .route("/", get(index))
        .route("/caches.json", get(all))
        .route("/caches/{key}", get(one))
        .route("/events", get(stream))
        .route("/assets/{*path}", get(assets::asset))
        .layer(from_fn(headers::secure))
        .with_state(SharedOverview::default())
}

async fn index(State(shared): State<SharedOverview>, OriginalUri(uri): OriginalUri, request: HeaderMap) -> Response {
    let accepted = request.get(header::ACCEPT).and_then(|kinds| kinds.to_str().ok()).unwrap_or_default();
    let mut response = if accepted.contains("text/html") {
        assets::index(uri.path())
    } else {
        read_blocking(move || text::table(&shared.overview().worst_first())).await
    };
    response.headers_mut().insert(header::VARY, header::HeaderValue::from_static("accept"));
    response
}

async fn all(State(shared): State<SharedOverview>) -> Response {
    read_blocking(move || Json(shared.overview().worst_first())).await
}

/// The details and the insight of one cache.
#[derive(Serialize)]
struct CacheReport {
    #[serde(flatten)]
    detail: Detail,
    insight: serde_json::Value,
}

async fn one(Path(path): Path<String>, Query(query): Query<EventQuery>) -> Response {
    read_blocking(move || match (model::find(&path), path.strip_suffix(".json")) {
        (Some(cache), _) => text::cache(&path, &cache).into_response(),
        (None, Some(key)) => match model::find(key) {
            Some(cache) => {
                let detail = Detail::read(key.to_owned(), &cache, query.span, true);
                Json(CacheReport { detail, insight: model::insight(&cache) }).into_response()
            }
            None => unknown(key),
        },
        (None, None) => unknown(&path),
    })
    .await
}

fn unknown(key: &str) -> Response {
    (StatusCode::NOT_FOUND, format!("no cache {key:?} in this process\n")).into_response()
}

async fn stream(State(shared): State<SharedOverview>, Query(query): Query<EventQuery>) -> impl IntoResponse {
    events(shared, query)
}

/// Reads on a blocking thread, not on the runtime's workers: a reading may run a store's pending maintenance.
async fn read_blocking<R: IntoResponse + Send + 'static>(read: impl FnOnce() -> R + Send + 'static) -> Response {
    match spawn_blocking(read).await {
        Ok(answer) => answer.into_response(),
        Err(_) => (StatusCode::INTERNAL_SERVER_ERROR, "failed to read the caches\n").into_response(),
    }
}
