//! Serves metrics for Prometheus on a route of the service.
//!
//! Fetch `/metrics` from the printed address. Ctrl-C ends the program.

use axum::Router;
use axum::routing::get;
use cachescope::cached;
use cachescope::otel::{MetricExporter, Setup};
use tokio::net::TcpListener;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let setup = Setup::from_env().service_name("shop").metric_exporters([MetricExporter::Prometheus]);
    let guard = setup.trace_exporters([]).serve_prometheus(false).init()?;
    let price = cached("shop.price", |id: u64| async move { id * 100 }).build();
    for id in [1, 2, 1, 1] {
        price.call(id).await;
    }
    let price = get(move || async move { price.call(1).await.to_string() });
    let metrics = guard.prometheus().map(|metrics| metrics.router()).unwrap_or_default();
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    println!("http://{}/metrics", listener.local_addr()?);
    axum::serve(listener, Router::new().route("/price", price).merge(metrics)).await?;
    Ok(())
}
