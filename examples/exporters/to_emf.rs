//! Exports metrics to Amazon CloudWatch through standard output, for Lambda functions and containers.
//!
//! Each line is a document in the Embedded Metric Format.

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
    // Dropping the guard exports the last metrics.
    Ok(())
}
