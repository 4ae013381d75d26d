//! Exports metrics and traces to a collector over OTLP.
//!
//! The standard variables configure everything. Default: `OTEL_EXPORTER_OTLP_ENDPOINT=http://localhost:4318`.

use cachescope::cached;
use cachescope::otel::Setup;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let _guard = Setup::from_env().service_name("shop").init()?;
    let price = cached("shop.price", |id: u64| async move { id * 100 }).build();
    for id in [1, 2, 1, 1] {
        price.call(id).await;
    }
    // Dropping the guard exports the last metrics.
    Ok(())
}
