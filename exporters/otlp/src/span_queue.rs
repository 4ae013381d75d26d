use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use cachescope_exporter::{DropReason, ExporterStats};
use opentelemetry::Context;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::{OTelSdkError, OTelSdkResult};
use opentelemetry_sdk::trace::{BatchConfigBuilder, BatchSpanProcessor, Span, SpanData, SpanProcessor};

use crate::SpanExporter;
use crate::queue_slots::QueueSlots;

/// A `BatchSpanProcessor` of the SDK with an OTLP exporter, which counts the spans that it drops. Created by
/// [`Otlp::span_queue`](crate::Otlp::span_queue).
///
/// The SDK's processor drops spans when its queue is full, and doesn't report their number. This processor passes on only
/// spans that fit, and counts the others as `queue_full`. Ending a span costs one more atomic addition, and never blocks.
#[derive(Debug)]
pub struct SpanQueue {
    inner: BatchSpanProcessor,
    slots: Arc<QueueSlots>,
    stats: ExporterStats,
    ended: AtomicBool,
}

impl SpanQueue {
    pub(crate) fn new(exporter: SpanExporter, slots: Arc<QueueSlots>, batch: BatchConfigBuilder) -> Self {
        let stats = exporter.stats().clone();
        // The inner queue has as many places as there are slots, so it never drops a span.
        let batch = batch.with_max_queue_size(slots.capacity()).build();
        let inner = BatchSpanProcessor::builder(exporter).with_batch_config(batch).build();
        Self { inner, slots, stats, ended: AtomicBool::new(false) }
    }

    /// Returns the counts of spans that were sent, dropped and retried. Clones share their counts.
    #[must_use]
    pub fn stats(&self) -> &ExporterStats {
        &self.stats
    }
}

impl SpanProcessor for SpanQueue {
    fn on_start(&self, span: &mut Span, context: &Context) {
        self.inner.on_start(span, context);
    }

    fn on_end(&self, span: SpanData) {
        if self.ended.load(Ordering::Relaxed) {
            self.stats.dropped(DropReason::Shutdown, 1);
        } else if self.slots.try_take() {
            self.inner.on_end(span);
        } else {
            self.stats.dropped(DropReason::QueueFull, 1);
        }
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.inner.force_flush()
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.ended.store(true, Ordering::Relaxed);
        let before = self.stats.total_dropped();
        self.inner.shutdown_with_timeout(timeout)?;
        // The SDK doesn't return the outcome of its last exports.
        match self.stats.total_dropped() - before {
            0 => Ok(()),
            spans => Err(OTelSdkError::InternalFailure(format!("{spans} spans were dropped at shutdown"))),
        }
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.inner.set_resource(resource);
    }
}

/// Counts the spans that ended during the shutdown and stayed in the inner queue.
impl Drop for SpanQueue {
    fn drop(&mut self) {
        self.stats.dropped(DropReason::Shutdown, self.slots.release_all() as u64);
    }
}
