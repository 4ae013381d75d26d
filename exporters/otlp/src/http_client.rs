use std::error::Error as StdError;
use std::future::Future;
use std::pin::Pin;

use opentelemetry_http::{Bytes, HttpClient, HttpError, Request, Response};
use reqwest::header::HeaderMap;

use crate::Error;
use crate::destination::Failure;
use crate::watch::LastFailure;

/// A collector's answer is a few bytes; more than this is not a collector.
const LARGEST_ANSWER: usize = 4 * 1024 * 1024;

/// The HTTP client of one exporter: async, driven by our runtime, and keeping the cause of a failure.
///
/// Always handed to `opentelemetry-otlp`, so that a dependency which enables one of its client features can't replace
/// it by a client that needs another thread or runtime.
#[derive(Debug)]
pub(crate) struct ExportClient {
    client: reqwest::Client,
    headers: HeaderMap,
    last_failure: LastFailure,
}

impl ExportClient {
    pub(crate) fn new(last_failure: LastFailure) -> Result<Self, Error> {
        // A redirected POST arrives as a GET without its body: better to hear of the redirect.
        let client = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .map_err(|error| Error::build(&innermost(&error)))?;
        Ok(Self { client, headers: HeaderMap::new(), last_failure })
    }

    /// The user's headers are added here, not through `opentelemetry-otlp`, which decodes their values once more.
    pub(crate) fn with_headers(mut self, headers: HeaderMap) -> Self {
        self.headers = headers;
        self
    }

    async fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let (mut parts, body) = request.into_parts();
        parts.headers.extend(self.headers.clone());
        let mut answer =
            self.client.request(parts.method, parts.uri.to_string()).headers(parts.headers).body(body).send().await?;
        let status = answer.status();
        let headers = std::mem::take(answer.headers_mut());
        let mut body = Vec::new();
        while let Some(chunk) = answer.chunk().await? {
            if body.len() + chunk.len() > LARGEST_ANSWER {
                return Err(format!("an answer of more than {LARGEST_ANSWER} bytes").into());
            }
            body.extend_from_slice(&chunk);
        }
        let mut response = Response::new(Bytes::from(body));
        *response.status_mut() = status;
        *response.headers_mut() = headers;
        Ok(response)
    }

    async fn send_watched(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let outcome = self.send(request).await;
        match &outcome {
            Ok(response) if !response.status().is_success() => {
                let status = response.status();
                // Gateways answer these for a collector that does not.
                let answered = !matches!(status.as_u16(), 502..=504);
                self.last_failure.set(Failure { cause: format!("HTTP status {status}"), answered });
            }
            Ok(_) => {}
            Err(error) => {
                self.last_failure.set(Failure { cause: innermost(error.as_ref()), answered: false });
            }
        }
        outcome
    }
}

impl HttpClient for ExportClient {
    fn send_bytes<'life0, 'async_trait>(
        &'life0 self,
        request: Request<Bytes>,
    ) -> Pin<Box<dyn Future<Output = Result<Response<Bytes>, HttpError>> + Send + 'async_trait>>
    where
        'life0: 'async_trait,
        Self: 'async_trait,
    {
        Box::pin(self.send_watched(request))
    }
}

/// The last error of a chain. The outer ones repeat the URL, which may hold a token, and say "error sending request".
fn innermost(error: &(dyn StdError + 'static)) -> String {
    let mut last = error;
    while let Some(source) = last.source() {
        last = source;
    }
    match last.downcast_ref::<reqwest::Error>() {
        Some(own) if own.is_timeout() => "no answer in time".to_owned(),
        Some(own) if own.is_builder() => "the endpoint is not a URL this client can use".to_owned(),
        Some(_) => "the request could not be sent".to_owned(),
        None => last.to_string(),
    }
}
