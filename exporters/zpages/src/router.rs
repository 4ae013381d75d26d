use axum::extract::{OriginalUri, Path, Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::from_fn;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use serde::Serialize;
use tokio::task::spawn_blocking;

use crate::events::{Wanted, events};
use crate::model::{self, Detail, Insights, Pulse};
use crate::{assets, headers, text};

/// The page and what it asks for, to be mounted under any path. Shows every cache of the process to whoever gets
/// there: mount it where a password or a network keeps others away. A server that waits for its connections before it
/// ends waits for an open page, up to half a minute.
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
        .with_state(Pulse::default())
}

async fn index(State(pulse): State<Pulse>, OriginalUri(uri): OriginalUri, request: HeaderMap) -> Response {
    let accepted = request.get(header::ACCEPT).and_then(|kinds| kinds.to_str().ok()).unwrap_or_default();
    let mut response = if accepted.contains("text/html") {
        assets::index(uri.path())
    } else {
        told(move || text::table(&pulse.overview().worst_first())).await
    };
    response.headers_mut().insert(header::VARY, header::HeaderValue::from_static("accept"));
    response
}

async fn all(State(pulse): State<Pulse>) -> Response {
    told(move || Json(pulse.overview().worst_first())).await
}

/// One cache's everything.
#[derive(Serialize)]
struct Whole {
    #[serde(flatten)]
    detail: Detail,
    insight: Insights,
}

async fn one(Path(path): Path<String>, Query(wanted): Query<Wanted>) -> Response {
    told(move || match (model::find(&path), path.strip_suffix(".json")) {
        (Some(cache), _) => text::cache(&path, &cache).into_response(),
        (None, Some(key)) => match model::find(key) {
            Some(cache) => {
                let detail = Detail::of(key.to_owned(), &cache, wanted.span, true);
                Json(Whole { detail, insight: Insights::of(&cache) }).into_response()
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

async fn stream(State(pulse): State<Pulse>, Query(wanted): Query<Wanted>) -> impl IntoResponse {
    events(pulse, wanted)
}

/// Off the runtime's workers: a store may have work pending that a reading settles.
async fn told<R: IntoResponse + Send + 'static>(read: impl FnOnce() -> R + Send + 'static) -> Response {
    match spawn_blocking(read).await {
        Ok(answer) => answer.into_response(),
        Err(_) => (StatusCode::INTERNAL_SERVER_ERROR, "the numbers couldn't be read\n").into_response(),
    }
}
