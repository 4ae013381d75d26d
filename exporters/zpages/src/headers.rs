//! Security headers of every response, and the check of the `Host` header.

use std::net::IpAddr;

use axum::extract::Request;
use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

/// Forbids inline code, resources of other hosts, and frames.
const POLICY: &str =
    "default-src 'self'; base-uri 'self'; form-action 'none'; frame-ancestors 'none'; object-src 'none'";

/// Adds the security headers. Responses without a cache policy get `no-store`.
pub(crate) async fn secure(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    for (name, value) in [
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    response
}

/// Refuses requests whose `Host` isn't this machine. A foreign site could point its own host name at 127.0.0.1, and
/// then read the responses as its own (DNS rebinding).
pub(crate) async fn only_this_machine(request: Request, next: Next) -> Response {
    if is_this_machine(request.uri(), request.headers()) {
        return next.run(request).await;
    }
    (StatusCode::MISDIRECTED_REQUEST, "this page answers to localhost and 127.0.0.1 only\n").into_response()
}

fn is_this_machine(uri: &Uri, headers: &HeaderMap) -> bool {
    let named = headers.get(header::HOST).map(|host| host.to_str().unwrap_or_default());
    // A request without a host doesn't come from a browser.
    let Some(host) = uri.authority().map(|authority| authority.as_str()).or(named) else { return true };
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    };
    let bare = name.trim_start_matches('[').trim_end_matches(']');
    name.eq_ignore_ascii_case("localhost") || bare.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_of_this_machine_are_accepted() {
        for (host, expected) in [
            ("127.0.0.1:8790", true),
            ("localhost", true),
            ("LOCALHOST:80", true),
            ("[::1]:8790", true),
            ("127.0.0.1.evil.example", false),
            ("localhost.evil.example:8790", false),
            ("evil.example", false),
            ("192.168.0.1:8790", false),
            ("", false),
        ] {
            let headers = HeaderMap::from_iter([(header::HOST, HeaderValue::from_static(host))]);
            assert_eq!(is_this_machine(&Uri::from_static("/"), &headers), expected, "{host}");
        }
        assert!(is_this_machine(&Uri::from_static("/"), &HeaderMap::new()));
    }
}
