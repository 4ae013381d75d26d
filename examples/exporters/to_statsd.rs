//! Metrics to a StatsD server.
//!
//! `CACHESCOPE_STATSD_ADDRESS` says where it is (127.0.0.1:8125), `CACHESCOPE_STATSD_DIALECT` what it understands.

use cachescope::cached;
use cachescope::otel::{MetricExporter, Setup};

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let exporters = [MetricExporter::StatsD];
    let _guard = Setup::from_env().service_name("shop").metric_exporters(exporters).trace_exporters([]).init()?;
    let price = cached("shop.price", |id: u64| async move { id * 100 }).build();
    for id in [1, 2, 1, 1] {
        price.call(id).await;
    }
    // What is left goes with the guard.
    Ok(())
}
