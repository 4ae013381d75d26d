use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use cachescope_exporter::{DropReason, ExporterStats};
use opentelemetry_proto::transform::common::tonic::ResourceAttributesWithSchema;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::{OTelSdkError, OTelSdkResult};
use opentelemetry_sdk::trace::{SpanData, SpanExporter as Export};

use crate::payload::Payload;
use crate::queue_slots::QueueSlots;
use crate::sender::Sender;

/// Sends spans over OTLP. Created by [`Otlp::span_exporter`](crate::Otlp::span_exporter).
///
/// Use it with a `BatchSpanProcessor`, as `with_batch_exporter` does: an export waits for the collector, up to
/// `OTEL_EXPORTER_OTLP_TIMEOUT` (10 s by default), retries included. [`Otlp::span_queue`](crate::Otlp::span_queue) is
/// such a processor that also counts the spans for which its queue is full.
#[derive(Debug)]
pub struct SpanExporter {
    sender: Sender,
    resource: ResourceAttributesWithSchema,
    /// The slots of the [`SpanQueue`](crate::SpanQueue) before it, if there is one.
    slots: Option<Arc<QueueSlots>>,
    ended: AtomicBool,
}

impl SpanExporter {
    pub(crate) fn new(sender: Sender, slots: Option<Arc<QueueSlots>>) -> Self {
        Self { sender, resource: Default::default(), slots, ended: AtomicBool::new(false) }
    }

    /// Returns the counts of spans that were sent, dropped and retried. Clones share their counts.
    #[must_use]
    pub fn stats(&self) -> &ExporterStats {
        &self.sender.stats
    }
}

impl Export for SpanExporter {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        let items = batch.len();
        if let Some(slots) = &self.slots {
            slots.release(items);
        }
        if self.ended.load(Ordering::Relaxed) {
            self.sender.stats.dropped(DropReason::Shutdown, items as u64);
            return Err(OTelSdkError::AlreadyShutdown);
        }
        let outcome = match Payload::spans(batch, &self.resource, self.sender.encoding) {
            Ok(payload) => self.sender.send(&payload).await,
            Err(failure) => Err(failure),
        };
        outcome.map_err(|failure| {
            self.sender.stats.dropped(failure.reason, items as u64);
            self.sender.error(failure)
        })
    }

    fn shutdown_with_timeout(&self, _timeout: Duration) -> OTelSdkResult {
        if self.ended.swap(true, Ordering::Relaxed) { Err(OTelSdkError::AlreadyShutdown) } else { Ok(()) }
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.resource = resource.into();
    }
}
