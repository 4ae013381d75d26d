//! What the SDK calls.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use cachescope_core::{DropReason, Exports};
use opentelemetry_sdk::error::{OTelSdkError, OTelSdkResult};
use opentelemetry_sdk::metrics::Temporality;
use opentelemetry_sdk::metrics::data::ResourceMetrics;
use opentelemetry_sdk::metrics::exporter::PushMetricExporter;

use crate::datagram::Datagrams;
use crate::delivery::Delivery;
use crate::translation::Translation;

/// Sends metrics to a StatsD server; made by [`StatsD::metric_exporter`](crate::StatsD::metric_exporter).
///
/// Hand it to a `PeriodicReader`, as `with_periodic_exporter` does. Its temporality is delta, which is what StatsD's
/// counters are. An export fails if anything but what StatsD can't say was dropped, or if a refusal of what
/// went before has been heard meanwhile; the next one is as good as the first.
#[derive(Debug)]
pub struct MetricExporter {
    translation: Translation,
    delivery: Delivery,
    ended: AtomicBool,
}

impl MetricExporter {
    pub(crate) fn new(translation: Translation, delivery: Delivery) -> Self {
        Self { translation, delivery, ended: AtomicBool::new(false) }
    }

    /// What was sent and dropped, in points; the same as [`StatsD::exports`](crate::StatsD::exports) has it.
    #[must_use]
    pub fn exports(&self) -> &Exports {
        self.delivery.exports()
    }
}

impl PushMetricExporter for MetricExporter {
    async fn export(&self, metrics: &ResourceMetrics) -> OTelSdkResult {
        let mut datagrams = Datagrams::new(self.delivery.datagram_size());
        self.translation.points(metrics, |lines| datagrams.push(lines));
        let (datagrams, unrepresentable) = datagrams.finish();
        if self.ended.load(Ordering::Relaxed) {
            let points = datagrams.iter().map(|datagram| datagram.points).sum::<u64>();
            self.exports().dropped(DropReason::Shutdown, points + unrepresentable);
            return Err(OTelSdkError::AlreadyShutdown);
        }
        self.exports().dropped(DropReason::Unrepresentable, unrepresentable);
        self.delivery.send(datagrams).await.map_err(|failure| {
            OTelSdkError::InternalFailure(format!(
                "can't deliver metrics to StatsD at {}: {} ({})",
                self.delivery.address(),
                failure.cause,
                failure.reason.as_str(),
            ))
        })
    }

    /// Nothing is kept from one export to the next.
    fn force_flush(&self) -> OTelSdkResult {
        Ok(())
    }

    fn shutdown_with_timeout(&self, _timeout: Duration) -> OTelSdkResult {
        self.ended.store(true, Ordering::Relaxed);
        self.delivery.close();
        Ok(())
    }

    fn temporality(&self) -> Temporality {
        Temporality::Delta
    }
}
