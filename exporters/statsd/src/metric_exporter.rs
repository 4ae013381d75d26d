use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use cachescope_exporter::{DropReason, ExporterStats};
use opentelemetry_sdk::error::{OTelSdkError, OTelSdkResult};
use opentelemetry_sdk::metrics::Temporality;
use opentelemetry_sdk::metrics::data::ResourceMetrics;
use opentelemetry_sdk::metrics::exporter::PushMetricExporter;

use crate::conversion::Conversion;
use crate::datagram::Datagrams;
use crate::transport::Transport;

/// Sends metrics to a StatsD server. Created by [`StatsD::metric_exporter`](crate::StatsD::metric_exporter).
///
/// Use it with a `PeriodicReader`, as `with_periodic_exporter` does. Its temporality is delta, because StatsD's counters
/// are deltas.
///
/// An export fails if points were dropped, except those that StatsD can't represent, or if the refusal of an earlier
/// datagram arrived. A failure doesn't affect the next export.
#[derive(Debug)]
pub struct MetricExporter {
    conversion: Conversion,
    transport: Transport,
    ended: AtomicBool,
}

impl MetricExporter {
    pub(crate) fn new(conversion: Conversion, transport: Transport) -> Self {
        Self { conversion, transport, ended: AtomicBool::new(false) }
    }

    /// Returns the counts of data points that were sent and dropped: the same as [`StatsD::stats`](crate::StatsD::stats).
    #[must_use]
    pub fn stats(&self) -> &ExporterStats {
        self.transport.stats()
    }
}

impl PushMetricExporter for MetricExporter {
    async fn export(&self, metrics: &ResourceMetrics) -> OTelSdkResult {
        let mut datagrams = Datagrams::new(self.transport.datagram_size());
        self.conversion.for_each_point(metrics, |lines| datagrams.push(lines));
        let (datagrams, unrepresentable) = datagrams.finish();
        if self.ended.load(Ordering::Relaxed) {
            let points = datagrams.iter().map(|datagram| datagram.points).sum::<u64>();
            self.stats().dropped(DropReason::Shutdown, points + unrepresentable);
            return Err(OTelSdkError::AlreadyShutdown);
        }
        self.stats().dropped(DropReason::Unrepresentable, unrepresentable);
        self.transport.send(datagrams).await.map_err(|failure| {
            OTelSdkError::InternalFailure(format!(
                "failed to deliver metrics to StatsD at {}: {} ({})",
                self.transport.address(),
                failure.cause,
                failure.reason.as_str(),
            ))
        })
    }

    /// Does nothing, because no data points wait between exports.
    fn force_flush(&self) -> OTelSdkResult {
        Ok(())
    }

    fn shutdown_with_timeout(&self, _timeout: Duration) -> OTelSdkResult {
        self.ended.store(true, Ordering::Relaxed);
        self.transport.close();
        Ok(())
    }

    fn temporality(&self) -> Temporality {
        Temporality::Delta
    }
}
