use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use cachescope_prometheus::{BasicAuth, CONTENT_TYPE, Endpoint};
use opentelemetry::metrics::MeterProvider;

use crate::text::provider;

/// The time after which a test fails.
const PATIENCE: Duration = Duration::from_secs(30);

pub(crate) async fn get(url: String, accept: Option<&str>) -> reqwest::Result<(u16, String, String)> {
    let mut request = reqwest::Client::builder().no_proxy().build()?.get(url);
    if let Some(accept) = accept {
        request = request.header("accept", accept);
    }
    let answer = request.send().await?;
    let kind = answer.headers().get("content-type").map(|v| v.to_str().unwrap().to_owned()).unwrap_or_default();
    Ok((answer.status().as_u16(), kind, answer.text().await?))
}

/// Sends these bytes, and returns everything received until the connection is closed.
fn send_raw(addr: SocketAddr, request: &[u8]) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(addr)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.write_all(request)?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer)?;
    Ok(String::from_utf8_lossy(&answer).into_owned())
}

fn free_port() -> SocketAddr {
    ([127, 0, 0, 1], 0).into()
}

#[tokio::test]
async fn server_on_port_0_answers_scrapes_until_it_is_dropped() {
    let (provider, metrics) = provider();
    provider.meter("cachescope").u64_counter("cachescope.requests").build().add(1, &[]);
    let server = metrics.serve(free_port()).await.unwrap();
    let url = format!("http://{}/metrics", server.addr());
    let (status, kind, text) = get(url.clone(), None).await.unwrap();
    assert_eq!((status, kind.as_str()), (200, CONTENT_TYPE));
    assert!(text.contains("cachescope_requests_total"), "{text}");

    drop(server);
    // The stop takes a while: each attempt is answered or refused.
    while get(url.clone(), None).await.is_ok() {
        tokio::task::yield_now().await;
    }
}

#[test]
fn server_on_a_thread_needs_no_runtime() {
    let (_provider, metrics) = provider();
    let server = metrics.serve_on_thread(free_port()).unwrap();
    let url = format!("http://{}/metrics", server.addr());
    let scrape = || tokio::runtime::Runtime::new().unwrap().block_on(get(url.clone(), None));
    assert_eq!(scrape().unwrap().0, 200);
    drop(server);
    while scrape().is_ok() {}
}

#[test]
fn taken_port_error_names_the_address() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = taken.local_addr().unwrap();
    let (_provider, metrics) = provider();
    let error = metrics.serve_on_thread(addr).unwrap_err();
    assert!(error.is_bind());
    assert!(error.to_string().contains(&addr.to_string()));
}

#[tokio::test]
async fn scrape_after_shutdown_is_503() {
    let (provider, metrics) = provider();
    let server = metrics.serve(free_port()).await.unwrap();
    provider.shutdown().unwrap();
    let (status, kind, text) =
        get(format!("http://{}/metrics", server.addr()), Some("application/openmetrics-text")).await.unwrap();
    assert_eq!((status, kind.as_str()), (503, "text/plain; charset=utf-8"));
    assert!(text.contains("no metrics available"), "{text}");
}

#[tokio::test]
async fn response_has_the_format_that_the_scraper_prefers() {
    let (_provider, metrics) = provider();
    let server = metrics.serve(free_port()).await.unwrap();
    let url = format!("http://{}/metrics", server.addr());
    let prometheus = "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,text/plain;q=0.3,*/*;q=0.1";
    for (accept, is_openmetrics) in [(prometheus, true), ("text/plain, */*;q=0.1", false), ("*/*", false)] {
        let (status, kind, text) = get(url.clone(), Some(accept)).await.unwrap();
        assert_eq!((status, text.ends_with("# EOF\n")), (200, is_openmetrics), "{accept}");
        assert_eq!(kind.starts_with("application/openmetrics-text; version=1.0.0"), is_openmetrics, "{kind}");
    }
    // Several header lines.
    let request =
        "GET /metrics HTTP/1.1\r\nHost: a\r\nAccept: text/plain;q=0.1\r\nAccept: application/openmetrics-text\r\n\r\n";
    let answer =
        tokio::task::spawn_blocking(move || send_raw(server.addr(), request.as_bytes())).await.unwrap().unwrap();
    assert!(answer.ends_with("# EOF\n"), "{answer}");
}

#[test]
fn scrape_without_the_password_is_refused() {
    let (_provider, metrics) = provider();
    let auth = BasicAuth::new("Aladdin", "open sesame").unwrap();
    let server = metrics.serve_on_thread(Endpoint::new(free_port()).basic_auth(auth)).unwrap();
    let ask = |header: &str| {
        send_raw(server.addr(), format!("GET /metrics HTTP/1.1\r\nHost: a\r\n{header}\r\n").as_bytes()).unwrap()
    };
    let admitted = ask("Authorization: Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==\r\n");
    assert!(admitted.starts_with("HTTP/1.1 200 ") && admitted.contains("target_info"), "{admitted}");
    for header in ["", "Authorization: Basic QWxhZGRpbjpvcGVu\r\n", "Authorization: Bearer x\r\n"] {
        let refused = ask(header);
        assert!(refused.starts_with("HTTP/1.1 401 ") && refused.contains("www-authenticate: Basic"), "{refused}");
        assert!(!refused.contains("target_info"), "{refused}");
    }
}

#[test]
fn incomplete_and_oversized_heads_are_refused() {
    let (_provider, metrics) = provider();
    let server = metrics.serve_on_thread(free_port()).unwrap();
    let large = format!("GET /metrics HTTP/1.1\r\nHost: a\r\nX: {}\r\n\r\n", "x".repeat(17 << 10));
    let answer = send_raw(server.addr(), large.as_bytes()).unwrap();
    assert!(answer.starts_with("HTTP/1.1 431 "), "{answer}");
    // The server closes the connection instead of waiting for ever.
    let answer = send_raw(server.addr(), b"GET /metrics HTTP/1.1\r\nHost: a\r\n").unwrap();
    assert!(!answer.contains("target_info"), "{answer}");
}

#[test]
fn idle_connections_do_not_block_other_scrapers() {
    let (_provider, metrics) = provider();
    let server = metrics.serve_on_thread(free_port()).unwrap();
    let idle: Vec<_> = (0..40).map(|_| TcpStream::connect(server.addr()).unwrap()).collect();
    let answer = send_raw(server.addr(), b"GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n").unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    drop(idle);
}
