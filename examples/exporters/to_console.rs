//! Prints metrics and spans on standard output, for development without a collector.
//!
//! `CACHESCOPE_CONSOLE_FORMAT=json` prints one line of JSON for each series.

use cachescope::cached;
use cachescope::otel::{MetricExporter, Setup, TraceExporter};

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let setup = Setup::from_env().service_name("shop");
    let _guard = setup.metric_exporters([MetricExporter::Console]).trace_exporters([TraceExporter::Console]).init()?;
    let price = cached("shop.price", |id: u64| async move { id * 100 }).build();
    for id in [1, 2, 1, 1] {
        price.call(id).await;
    }
    Ok(())
}
