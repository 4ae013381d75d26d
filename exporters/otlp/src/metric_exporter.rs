//! The exporter of metrics.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use cachescope_core::{DropReason, Exports};
use opentelemetry_sdk::error::{OTelSdkError, OTelSdkResult};
use opentelemetry_sdk::metrics::Temporality;
use opentelemetry_sdk::metrics::data::ResourceMetrics;
use opentelemetry_sdk::metrics::exporter::PushMetricExporter;

use crate::backlog::Backlog;
use crate::failure::Failure;
use crate::payload::{Payload, points, request};
use crate::sender::Sender;

/// Sends metrics over OTLP; made by [`Otlp::metric_exporter`](crate::Otlp::metric_exporter).
///
/// Hand it to a `PeriodicReader`, as `with_periodic_exporter` does: an export waits for the collector, up to
/// `OTEL_EXPORTER_OTLP_TIMEOUT` (10 s unless set), retries included.
///
/// With a temporality other than cumulative, what surely did not arrive is kept, up to 8 MiB, and goes first at the
/// next export; what may have arrived is dropped rather than counted twice.
#[derive(Debug)]
pub struct MetricExporter {
    sender: Sender,
    temporality: Temporality,
    backlog: Backlog,
    ended: AtomicBool,
}

impl MetricExporter {
    pub(crate) fn new(sender: Sender, temporality: Temporality) -> Self {
        let backlog = Backlog::new(sender.exports.clone());
        Self { sender, temporality, backlog, ended: AtomicBool::new(false) }
    }

    /// What it has sent, dropped and tried again, in points. A clone counts the same.
    #[must_use]
    pub fn exports(&self) -> &Exports {
        &self.sender.exports
    }

    async fn send_total(&self, payload: &Payload) -> Result<(), Failure> {
        self.sender.send(payload).await.inspect_err(|failure| self.dropped(failure, payload.items))
    }

    /// The differences that wait, oldest first, and this one behind them.
    async fn send_differences(&self, newest: Payload) -> Result<(), Failure> {
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
                    // Where nobody answers, the next one would wait as long.
                    if !refused {
                        return outcome;
                    }
                }
            }
            if started.elapsed() >= self.sender.timeout && !self.backlog.is_empty() {
                return outcome.and(Err(Failure::given_up("time is up, and the rest waits for the next export")));
            }
        }
        outcome
    }

    fn dropped(&self, failure: &Failure, items: u64) {
        self.sender.exports.dropped(failure.reason, items);
    }
}

impl PushMetricExporter for MetricExporter {
    async fn export(&self, metrics: &ResourceMetrics) -> OTelSdkResult {
        if self.ended.load(Ordering::Relaxed) {
            return Err(OTelSdkError::AlreadyShutdown);
        }
        let differences = self.temporality != Temporality::Cumulative;
        let request = request(metrics);
        let outcome = match Payload::metrics(&request, differences, self.sender.encoding) {
            Ok(payload) if differences => self.send_differences(payload).await,
            Ok(payload) => self.send_total(&payload).await,
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
