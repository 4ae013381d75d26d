use cachescope_prometheus::CONTENT_TYPE;
use opentelemetry::metrics::MeterProvider;

use crate::text::provider;

async fn get(url: String) -> reqwest::Result<(u16, String, String)> {
    let answer = reqwest::Client::builder().no_proxy().build()?.get(url).send().await?;
    let kind = answer.headers().get("content-type").map(|v| v.to_str().unwrap().to_owned()).unwrap_or_default();
    Ok((answer.status().as_u16(), kind, answer.text().await?))
}

#[tokio::test]
async fn port_0_answers_a_scrape_and_stops_when_dropped() {
    let (provider, metrics) = provider();
    provider.meter("cachescope").u64_counter("cachescope.requests").build().add(1, &[]);
    let server = metrics.serve(([127, 0, 0, 1], 0).into()).await.unwrap();
    let url = format!("http://{}/metrics", server.addr());
    let (status, kind, text) = get(url.clone()).await.unwrap();
    assert_eq!((status, kind.as_str()), (200, CONTENT_TYPE));
    assert!(text.contains("cachescope_requests_total"), "{text}");

    drop(server);
    // Stopping takes its own time; every attempt either still answers or is refused.
    while get(url.clone()).await.is_ok() {
        tokio::task::yield_now().await;
    }
}

#[test]
fn a_server_on_its_own_thread_needs_no_runtime() {
    let (_provider, metrics) = provider();
    let server = metrics.serve_on_thread(([127, 0, 0, 1], 0).into()).unwrap();
    let url = format!("http://{}/metrics", server.addr());
    let scrape = || tokio::runtime::Runtime::new().unwrap().block_on(get(url.clone()));
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
    let server = metrics.serve(([127, 0, 0, 1], 0).into()).await.unwrap();
    provider.shutdown().unwrap();
    let (status, _, text) = get(format!("http://{}/metrics", server.addr())).await.unwrap();
    assert_eq!(status, 503);
    assert!(text.contains("no metrics to show"), "{text}");
}

#[tokio::test]
async fn the_router_mounts_below_a_path() {
    let (_provider, metrics) = provider();
    let app = axum::Router::new().nest("/internal", metrics.router());
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, app).await });
    assert_eq!(get(format!("http://{addr}/internal/metrics")).await.unwrap().0, 200);
}
