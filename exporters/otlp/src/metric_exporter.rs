use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use cachescope_exporter::{DropReason, ExporterStats};
use opentelemetry_sdk::error::{OTelSdkError, OTelSdkResult};
use opentelemetry_sdk::metrics::Temporality;
use opentelemetry_sdk::metrics::data::ResourceMetrics;
use opentelemetry_sdk::metrics::exporter::PushMetricExporter;

use crate::backlog::Backlog;
use crate::failure::Failure;
use crate::payload::{Payload, points, request};
use crate::sender::Sender;

/// Sends metrics over OTLP. Created by [`Otlp::metric_exporter`](crate::Otlp::metric_exporter).
///
/// Use it with a `PeriodicReader`, as `with_periodic_exporter` does: an export waits for the collector, up to
/// `OTEL_EXPORTER_OTLP_TIMEOUT` (10 s by default), retries included.
///
/// With a temporality other than cumulative, metrics that certainly didn't arrive are kept, up to 8 MiB, and are sent
/// first at the next export. Metrics that may have arrived are dropped, because a collector would count them twice.
#[derive(Debug)]
pub struct MetricExporter {
    sender: Sender,
    temporality: Temporality,
    backlog: Backlog,
    ended: AtomicBool,
}

impl MetricExporter {
    pub(crate) fn new(sender: Sender, temporality: Temporality) -> Self {
        let backlog = Backlog::new(sender.stats.clone());
        Self { sender, temporality, backlog, ended: AtomicBool::new(false) }
    }

    /// Returns the counts of data points that were sent, dropped and retried. Clones share their counts.
    #[must_use]
    pub fn stats(&self) -> &ExporterStats {
        &self.sender.stats
    }

    async fn send_cumulative(&self, payload: &Payload) -> Result<(), Failure> {
        self.sender.send(payload).await.inspect_err(|failure| self.dropped(failure, payload.items))
    }

    /// Sends the delta payloads that wait, oldest first, and then the newest.
    async fn send_delta(&self, newest: Payload) -> Result<(), Failure> {
        let started = Instant::now();
        let mut outcome = Ok(());
        self.backlog.push(newest);
        while let Some(payload) = self.backlog.pop() {
            match self.sender.send(&payload).await {
                Ok(()) => {}
                Err(failure) if failure.may_be_sent_later() => {
                    self.backlog.put_back(payload);
                    return Err(failure);
                }
                Err(failure) => {
                    self.dropped(&failure, payload.items);
                    let refused = failure.reason == DropReason::Rejected;
                    outcome = Err(failure);
                    // If the destination doesn't answer, the next payload would wait as long.
                    if !refused {
                        return outcome;
                    }
                }
            }
            if started.elapsed() >= self.sender.timeout && !self.backlog.is_empty() {
                return outcome.and(Err(Failure::given_up(
                    "the timeout has passed; the other payloads wait for the next export",
                )));
            }
        }
        outcome
    }

    fn dropped(&self, failure: &Failure, items: u64) {
        self.sender.stats.dropped(failure.reason, items);
    }
}

impl PushMetricExporter for MetricExporter {
    async fn export(&self, metrics: &ResourceMetrics) -> OTelSdkResult {
        if self.ended.load(Ordering::Relaxed) {
            return Err(OTelSdkError::AlreadyShutdown);
        }
        let is_delta = self.temporality != Temporality::Cumulative;
        let request = request(metrics);
        let outcome = match Payload::metrics(&request, is_delta, self.sender.encoding) {
            Ok(payload) if is_delta => self.send_delta(payload).await,
            Ok(payload) => self.send_cumulative(&payload).await,
            Err(failure) => {
                self.dropped(&failure, points(&request));
                Err(failure)
            }
        };
        outcome.map_err(|failure| self.sender.error(failure))
    }

    fn force_flush(&self) -> OTelSdkResult {
        Ok(())
    }

    fn shutdown_with_timeout(&self, _timeout: Duration) -> OTelSdkResult {
        if self.ended.swap(true, Ordering::Relaxed) {
            return Err(OTelSdkError::AlreadyShutdown);
        }
        self.backlog.end();
        Ok(())
    }

    fn temporality(&self) -> Temporality {
        self.temporality
    }
}
