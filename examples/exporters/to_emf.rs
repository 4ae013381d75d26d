//! Metrics to Amazon CloudWatch by way of standard output, as Lambda functions and containers send them.
//!
//! `cargo run --example to_emf`: each line is one of the Embedded Metric Format.

use cachescope::cached;
use cachescope::otel::{MetricExporter, Setup};

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let exporters = [MetricExporter::Emf];
    let _guard = Setup::from_env().service_name("shop").metric_exporters(exporters).trace_exporters([]).init()?;
    let price = cached("shop.price", |id: u64| async move { id * 100 }).build();
    for id in [1, 2, 1, 1] {
        price.call(id).await;
    }
    // What is left goes with the guard.
    Ok(())
}
