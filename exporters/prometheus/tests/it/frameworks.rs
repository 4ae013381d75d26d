use axum::response::IntoResponse;
use hyper::server::conn::http1;
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use opentelemetry::metrics::MeterProvider;

use crate::server::get;
use crate::text::provider;

#[tokio::test]
async fn router_can_be_nested_in_axum() {
    let (_provider, metrics) = provider();
    let app = axum::Router::new().nest("/internal", metrics.router());
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, app).await });
    assert_eq!(get(format!("http://{addr}/internal/metrics"), None).await.unwrap().0, 200);
}

#[tokio::test]
async fn router_is_a_service_of_hyper() {
    let (_provider, metrics) = provider();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let service = TowerToHyperService::new(metrics.router());
            tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), service));
        }
    });
    assert_eq!(get(format!("http://{addr}/metrics"), None).await.unwrap().0, 200);
    assert_eq!(get(format!("http://{addr}/"), None).await.unwrap().0, 404);
}

#[test]
fn scrape_can_be_served_by_actix() {
    use actix_web::{App, HttpRequest, HttpResponse, HttpServer, http::StatusCode, web};

    async fn handle(metrics: web::Data<cachescope_prometheus::Metrics>, request: HttpRequest) -> HttpResponse {
        let accept = request.headers().get("accept").and_then(|accept| accept.to_str().ok());
        let response = metrics.scrape(accept).await;
        let status = StatusCode::from_u16(response.status).unwrap();
        HttpResponse::build(status).content_type(response.content_type).body(response.body)
    }

    let (provider, metrics) = provider();
    provider.meter("shop").u64_counter("orders").build().add(1, &[]);
    actix_web::rt::System::new().block_on(async move {
        let data = web::Data::new(metrics);
        let app = move || App::new().app_data(data.clone()).route("/metrics", web::get().to(handle));
        let server = HttpServer::new(app).workers(1).disable_signals().bind(("127.0.0.1", 0)).unwrap();
        let url = format!("http://{}/metrics", server.addrs()[0]);
        let running = server.run();
        let handle = running.handle();
        actix_web::rt::spawn(running);
        let (status, kind, body) = get(url.clone(), Some("application/openmetrics-text")).await.unwrap();
        assert_eq!((status, kind.as_str()), (200, "application/openmetrics-text; version=1.0.0; charset=utf-8"));
        assert!(body.contains("orders_total") && body.ends_with("# EOF\n"), "{body}");
        provider.shutdown().unwrap();
        assert_eq!(get(url, None).await.unwrap().0, 503);
        handle.stop(false).await;
    });
}

#[test]
fn scrape_response_converts_to_a_response_of_axum() {
    let (_provider, metrics) = provider();
    let response = metrics.respond(None).into_response();
    assert_eq!(response.status(), 200);
    assert_eq!(response.headers()["content-type"], cachescope_prometheus::CONTENT_TYPE);
}
