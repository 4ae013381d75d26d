use std::time::{Duration, SystemTime};

use bytes::Bytes;
use reqwest::header::{CONTENT_ENCODING, CONTENT_TYPE, HeaderMap, HeaderValue, RETRY_AFTER};

use crate::Error;
use crate::encoding::{Encoding, Format};
use crate::failure::{Failure, innermost};
use crate::retry::Retry;
use crate::settings::Settings;

/// The limit for a response's size in bytes. A collector's response has a few bytes.
const LARGEST_RESPONSE: usize = 4 * 1024 * 1024;

/// The HTTP client of one exporter, driven by the background runtime.
#[derive(Debug)]
pub(crate) struct HttpClient {
    client: reqwest::Client,
    url: String,
    headers: HeaderMap,
}

impl HttpClient {
    pub(crate) fn new(settings: &Settings, encoding: Encoding, connect: Duration) -> Result<Self, Error> {
        // A redirected POST would arrive as a GET without its body. The redirect is an error instead.
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

    /// Makes one request. Returns the body of a successful response.
    pub(crate) async fn attempt(&self, body: Bytes) -> Result<Bytes, Failure> {
        let request = self.client.post(&self.url).headers(self.headers.clone()).body(body);
        let mut response = request.send().await.map_err(|error| Failure::reqwest(&error))?;
        let status = response.status();
        if !status.is_success() {
            let wait = response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok()).and_then(retry_after);
            return Err(Failure::http(status.as_u16(), &status.to_string(), wait));
        }
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| Failure::reqwest(&error))? {
            if body.len() + chunk.len() > LARGEST_RESPONSE {
                let cause = format!("a response of more than {LARGEST_RESPONSE} bytes");
                return Err(Failure { retry: Retry::Never, ..Failure::unconfirmed(cause) });
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body.into())
    }
}

/// Parses the header `Retry-After`: seconds or a date.
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
    fn retry_after_is_read_as_seconds_or_a_date() {
        assert_eq!(retry_after(" 17 "), Some(Duration::from_secs(17)));
        assert_eq!(retry_after("Fri, 31 Dec 1999 23:59:59 GMT"), Some(Duration::ZERO));
        let in_an_hour = httpdate::fmt_http_date(SystemTime::now() + Duration::from_secs(3600));
        assert!(retry_after(&in_an_hour).unwrap() > Duration::from_secs(3000));
        assert_eq!(retry_after("soon"), None);
        assert_eq!(retry_after("-1"), None);
    }
}
