//! Problem: your backend has no exporter here. Solution: implement the `PushMetricExporter` of OpenTelemetry's SDK; it
//! receives the data of all instruments at each interval.

use std::time::Duration;

use cachescope::{Telemetry, cached};
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::metrics::data::ResourceMetrics;
use opentelemetry_sdk::metrics::exporter::PushMetricExporter;
use opentelemetry_sdk::metrics::{SdkMeterProvider, Temporality};
use opentelemetry_sdk::trace::SdkTracerProvider;

/// Prints the names of metrics.
struct Names;

impl PushMetricExporter for Names {
    async fn export(&self, metrics: &ResourceMetrics) -> OTelSdkResult {
        metrics.scope_metrics().flat_map(|scope| scope.metrics()).for_each(|metric| println!("{}", metric.name()));
        Ok(())
    }
    fn force_flush(&self) -> OTelSdkResult {
        Ok(())
    }
    fn shutdown_with_timeout(&self, _timeout: Duration) -> OTelSdkResult {
        Ok(())
    }
    fn temporality(&self) -> Temporality {
        Temporality::Delta
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let meters = SdkMeterProvider::builder().with_periodic_exporter(Names).build();
    let telemetry = Telemetry::new(meters.clone(), SdkTracerProvider::default());
    let price = cached("shop.price", |id: u64| async move { id * 100 }).telemetry(telemetry).build();
    price.call(1).await;
    Ok(meters.shutdown()?)
}
