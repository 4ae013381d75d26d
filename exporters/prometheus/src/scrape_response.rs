//! The response to a scrape.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};

/// The response to a scrape, for any web framework.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ScrapeResponse {
    /// The HTTP status: 200, or 503 if there are no metrics.
    pub status: u16,
    /// The value of the header `Content-Type`.
    pub content_type: &'static str,
    /// The metrics, or a line with the reason why there are none.
    pub body: String,
}

impl ScrapeResponse {
    pub(crate) fn failure(status: StatusCode, reason: &impl std::fmt::Display) -> Self {
        Self { status: status.as_u16(), content_type: "text/plain; charset=utf-8", body: format!("{reason}\n") }
    }
}

/// Converts to a response of axum and hyper.
impl IntoResponse for ScrapeResponse {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        (status, [(header::CONTENT_TYPE, HeaderValue::from_static(self.content_type))], self.body).into_response()
    }
}
