//! One attempt over HTTP.

use std::time::{Duration, SystemTime};

use bytes::Bytes;
use reqwest::header::{CONTENT_ENCODING, CONTENT_TYPE, HeaderMap, HeaderValue, RETRY_AFTER};

use crate::Error;
use crate::failure::{Failure, Retry, innermost};
use crate::payload::{Encoding, Format};
use crate::settings::Settings;

/// A collector's answer is a few bytes; more than this is not a collector.
const LARGEST_ANSWER: usize = 4 * 1024 * 1024;

/// The HTTP client of one exporter, driven by our runtime.
#[derive(Debug)]
pub(crate) struct HttpClient {
    client: reqwest::Client,
    url: String,
    headers: HeaderMap,
}

impl HttpClient {
    pub(crate) fn new(settings: &Settings, encoding: Encoding, connect: Duration) -> Result<Self, Error> {
        // A redirected POST arrives as a GET without its body: better to hear of the redirect.
        let client = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(connect)
            .user_agent(crate::USER_AGENT);
        let client = settings.tls.http(client)?.build().map_err(|error| Error::build(&innermost(&error)))?;
        let mut headers = settings.headers.clone();
        headers.insert(
            CONTENT_TYPE,
            HeaderValue::from_static(match encoding.format {
                Format::Protobuf => "application/x-protobuf",
                Format::Json => "application/json",
            }),
        );
        if encoding.gzip {
            headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        }
        Ok(Self { client, url: settings.endpoint.url.clone(), headers })
    }

    /// The body of the answer to a request that was taken.
    pub(crate) async fn attempt(&self, body: Bytes) -> Result<Bytes, Failure> {
        let request = self.client.post(&self.url).headers(self.headers.clone()).body(body);
        let mut answer = request.send().await.map_err(|error| Failure::reqwest(&error))?;
        let status = answer.status();
        if !status.is_success() {
            let wait = answer.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok()).and_then(retry_after);
            return Err(Failure::http(status.as_u16(), &status.to_string(), wait));
        }
        let mut body = Vec::new();
        while let Some(chunk) = answer.chunk().await.map_err(|error| Failure::reqwest(&error))? {
            if body.len() + chunk.len() > LARGEST_ANSWER {
                let cause = format!("an answer of more than {LARGEST_ANSWER} bytes");
                return Err(Failure { retry: Retry::Never, ..Failure::unconfirmed(cause) });
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body.into())
    }
}

/// Seconds, or a date.
fn retry_after(value: &str) -> Option<Duration> {
    let value = value.trim();
    if let Ok(seconds) = value.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let date = httpdate::parse_http_date(value).ok()?;
    Some(date.duration_since(SystemTime::now()).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        assert_eq!(retry_after(" 17 "), Some(Duration::from_secs(17)));
        assert_eq!(retry_after("Fri, 31 Dec 1999 23:59:59 GMT"), Some(Duration::ZERO));
        let in_an_hour = httpdate::fmt_http_date(SystemTime::now() + Duration::from_secs(3600));
        assert!(retry_after(&in_an_hour).unwrap() > Duration::from_secs(3000));
        assert_eq!(retry_after("soon"), None);
        assert_eq!(retry_after("-1"), None);
    }
}
