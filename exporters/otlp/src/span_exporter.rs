//! The exporter of spans.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use cachescope_core::{DropReason, Exports};
use opentelemetry_proto::transform::common::tonic::ResourceAttributesWithSchema;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::{OTelSdkError, OTelSdkResult};
use opentelemetry_sdk::trace::{SpanData, SpanExporter as Export};

use crate::payload::Payload;
use crate::sender::Sender;
use crate::span_queue::Room;

/// Sends spans over OTLP; made by [`Otlp::span_exporter`](crate::Otlp::span_exporter).
///
/// Hand it to a `BatchSpanProcessor`, as `with_batch_exporter` does: an export waits for the collector, up to
/// `OTEL_EXPORTER_OTLP_TIMEOUT` (10 s unless set), retries included. [`Otlp::span_queue`](crate::Otlp::span_queue) is
/// such a processor that counts what finds no room in it.
#[derive(Debug)]
pub struct SpanExporter {
    sender: Sender,
    resource: ResourceAttributesWithSchema,
    /// Of the queue before it, if that is ours.
    room: Option<Arc<Room>>,
    ended: AtomicBool,
}

impl SpanExporter {
    pub(crate) fn new(sender: Sender, room: Option<Arc<Room>>) -> Self {
        Self { sender, resource: Default::default(), room, ended: AtomicBool::new(false) }
    }

    /// What it has sent, dropped and tried again, in spans. A clone counts the same.
    #[must_use]
    pub fn exports(&self) -> &Exports {
        &self.sender.exports
    }
}

impl Export for SpanExporter {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        let items = batch.len();
        if let Some(room) = &self.room {
            room.leave(items);
        }
        if self.ended.load(Ordering::Relaxed) {
            self.sender.exports.dropped(DropReason::Shutdown, items as u64);
            return Err(OTelSdkError::AlreadyShutdown);
        }
        let outcome = match Payload::spans(batch, &self.resource, self.sender.encoding) {
            Ok(payload) => self.sender.send(&payload).await,
            Err(failure) => Err(failure),
        };
        outcome.map_err(|failure| {
            self.sender.exports.dropped(failure.reason, items as u64);
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
