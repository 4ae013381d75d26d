use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};

/// The answer to a scrape, for a web framework of any kind to send.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Page {
    /// The HTTP status: 200, or 503 where there is nothing to show.
    pub status: u16,
    /// For the header `Content-Type`.
    pub content_type: &'static str,
    /// The metrics, or a line that says why there are none.
    pub body: String,
}

impl Page {
    pub(crate) fn failure(status: StatusCode, why: &impl std::fmt::Display) -> Self {
        Self { status: status.as_u16(), content_type: "text/plain; charset=utf-8", body: format!("{why}\n") }
    }
}

/// As axum and hyper have it.
impl IntoResponse for Page {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        (status, [(header::CONTENT_TYPE, HeaderValue::from_static(self.content_type))], self.body).into_response()
    }
}
