use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use cachescope_prometheus::{BasicAuth, CONTENT_TYPE, Endpoint};
use opentelemetry::metrics::MeterProvider;

use crate::text::provider;

/// Bounds a failure.
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

/// What is answered to these bytes, until the connection is closed.
fn told(addr: SocketAddr, request: &[u8]) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(addr)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.write_all(request)?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer)?;
    Ok(String::from_utf8_lossy(&answer).into_owned())
}

fn anywhere() -> SocketAddr {
    ([127, 0, 0, 1], 0).into()
}

#[tokio::test]
async fn port_0_answers_a_scrape_and_stops_when_dropped() {
    let (provider, metrics) = provider();
    provider.meter("cachescope").u64_counter("cachescope.requests").build().add(1, &[]);
    let server = metrics.serve(anywhere()).await.unwrap();
    let url = format!("http://{}/metrics", server.addr());
    let (status, kind, text) = get(url.clone(), None).await.unwrap();
    assert_eq!((status, kind.as_str()), (200, CONTENT_TYPE));
    assert!(text.contains("cachescope_requests_total"), "{text}");

    drop(server);
    // Stopping takes its own time; every attempt either still answers or is refused.
    while get(url.clone(), None).await.is_ok() {
        tokio::task::yield_now().await;
    }
}

#[test]
fn a_server_on_its_own_thread_needs_no_runtime() {
    let (_provider, metrics) = provider();
    let server = metrics.serve_on_thread(anywhere()).unwrap();
    let url = format!("http://{}/metrics", server.addr());
    let scrape = || tokio::runtime::Runtime::new().unwrap().block_on(get(url.clone(), None));
    assert_eq!(scrape().unwrap().0, 200);
    drop(server);
    while scrape().is_ok() {}
}

#[test]
fn a_taken_port_is_an_error_that_names_it() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = taken.local_addr().unwrap();
    let (_provider, metrics) = provider();
    let error = metrics.serve_on_thread(addr).unwrap_err();
    assert!(error.is_bind());
    assert!(error.to_string().contains(&addr.to_string()));
}

#[tokio::test]
async fn after_a_shutdown_a_scrape_is_503() {
    let (provider, metrics) = provider();
    let server = metrics.serve(anywhere()).await.unwrap();
    provider.shutdown().unwrap();
    let (status, kind, text) =
        get(format!("http://{}/metrics", server.addr()), Some("application/openmetrics-text")).await.unwrap();
    assert_eq!((status, kind.as_str()), (503, "text/plain; charset=utf-8"));
    assert!(text.contains("no metrics to show"), "{text}");
}

#[tokio::test]
async fn the_format_is_what_the_scraper_prefers() {
    let (_provider, metrics) = provider();
    let server = metrics.serve(anywhere()).await.unwrap();
    let url = format!("http://{}/metrics", server.addr());
    let prometheus = "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,text/plain;q=0.3,*/*;q=0.1";
    for (accept, is_openmetrics) in [(prometheus, true), ("text/plain, */*;q=0.1", false), ("*/*", false)] {
        let (status, kind, text) = get(url.clone(), Some(accept)).await.unwrap();
        assert_eq!((status, text.ends_with("# EOF\n")), (200, is_openmetrics), "{accept}");
        assert_eq!(kind.starts_with("application/openmetrics-text; version=1.0.0"), is_openmetrics, "{kind}");
    }
    // In several header lines.
    let request =
        "GET /metrics HTTP/1.1\r\nHost: a\r\nAccept: text/plain;q=0.1\r\nAccept: application/openmetrics-text\r\n\r\n";
    let answer = tokio::task::spawn_blocking(move || told(server.addr(), request.as_bytes())).await.unwrap().unwrap();
    assert!(answer.ends_with("# EOF\n"), "{answer}");
}

#[test]
fn without_the_password_nothing_is_shown() {
    let (_provider, metrics) = provider();
    let auth = BasicAuth::new("Aladdin", "open sesame").unwrap();
    let server = metrics.serve_on_thread(Endpoint::new(anywhere()).basic_auth(auth)).unwrap();
    let ask = |header: &str| {
        told(server.addr(), format!("GET /metrics HTTP/1.1\r\nHost: a\r\n{header}\r\n").as_bytes()).unwrap()
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
fn a_head_without_end_and_one_too_large_are_refused() {
    let (_provider, metrics) = provider();
    let server = metrics.serve_on_thread(anywhere()).unwrap();
    let large = format!("GET /metrics HTTP/1.1\r\nHost: a\r\nX: {}\r\n\r\n", "x".repeat(17 << 10));
    let answer = told(server.addr(), large.as_bytes()).unwrap();
    assert!(answer.starts_with("HTTP/1.1 431 "), "{answer}");
    // Comes back, rather than waiting for ever.
    let answer = told(server.addr(), b"GET /metrics HTTP/1.1\r\nHost: a\r\n").unwrap();
    assert!(!answer.contains("target_info"), "{answer}");
}

#[test]
fn idle_scrapers_do_not_keep_others_out() {
    let (_provider, metrics) = provider();
    let server = metrics.serve_on_thread(anywhere()).unwrap();
    let idle: Vec<_> = (0..40).map(|_| TcpStream::connect(server.addr()).unwrap()).collect();
    let answer = told(server.addr(), b"GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n").unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    drop(idle);
}
