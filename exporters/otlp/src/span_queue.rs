//! The queue of spans before their exporter, which counts what finds no room.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use cachescope_core::{DropReason, Exports};
use opentelemetry::Context;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::{OTelSdkError, OTelSdkResult};
use opentelemetry_sdk::trace::{BatchConfigBuilder, BatchSpanProcessor, Span, SpanData, SpanProcessor};

use crate::SpanExporter;

/// The SDK's `BatchSpanProcessor` with an OTLP exporter behind it; made by
/// [`Otlp::span_queue`](crate::Otlp::span_queue).
///
/// That processor drops what doesn't fit and tells nobody how much. This one lets in only what fits, and counts the
/// rest as `queue_full`. Ending a span costs one atomic addition more, and never blocks.
#[derive(Debug)]
pub struct SpanQueue {
    inner: BatchSpanProcessor,
    room: Arc<Room>,
    exports: Exports,
    ended: AtomicBool,
}

/// Places for spans that have ended and were not handed to the exporter yet.
#[derive(Debug)]
pub(crate) struct Room {
    taken: AtomicUsize,
    places: usize,
}

impl Room {
    pub(crate) fn new(places: usize) -> Arc<Self> {
        Arc::new(Self { taken: AtomicUsize::new(0), places })
    }

    fn enter(&self) -> bool {
        if self.taken.fetch_add(1, Ordering::Relaxed) < self.places {
            return true;
        }
        self.taken.fetch_sub(1, Ordering::Relaxed);
        false
    }

    pub(crate) fn leave(&self, spans: usize) {
        // An export may outlive the queue.
        let fewer = |taken: usize| Some(taken.saturating_sub(spans));
        let _ = self.taken.fetch_update(Ordering::Relaxed, Ordering::Relaxed, fewer);
    }
}

impl SpanQueue {
    pub(crate) fn new(exporter: SpanExporter, room: Arc<Room>, batch: BatchConfigBuilder) -> Self {
        let exports = exporter.exports().clone();
        // As many places as we let in: what we let in is never refused.
        let batch = batch.with_max_queue_size(room.places).build();
        let inner = BatchSpanProcessor::builder(exporter).with_batch_config(batch).build();
        Self { inner, room, exports, ended: AtomicBool::new(false) }
    }

    /// What was sent, dropped and tried again, in spans. A clone counts the same.
    #[must_use]
    pub fn exports(&self) -> &Exports {
        &self.exports
    }
}

impl SpanProcessor for SpanQueue {
    fn on_start(&self, span: &mut Span, context: &Context) {
        self.inner.on_start(span, context);
    }

    fn on_end(&self, span: SpanData) {
        if self.ended.load(Ordering::Relaxed) {
            self.exports.dropped(DropReason::Shutdown, 1);
        } else if self.room.enter() {
            self.inner.on_end(span);
        } else {
            self.exports.dropped(DropReason::QueueFull, 1);
        }
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.inner.force_flush()
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.ended.store(true, Ordering::Relaxed);
        let before = self.exports.total_dropped();
        self.inner.shutdown_with_timeout(timeout)?;
        // The SDK doesn't say how its last exports went.
        match self.exports.total_dropped() - before {
            0 => Ok(()),
            spans => Err(OTelSdkError::InternalFailure(format!("{spans} spans were dropped at the end"))),
        }
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.inner.set_resource(resource);
    }
}

/// Spans that ended while it was shut down may lie where nobody looks any more.
impl Drop for SpanQueue {
    fn drop(&mut self) {
        self.exports.dropped(DropReason::Shutdown, self.room.taken.swap(0, Ordering::Relaxed) as u64);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_room_is_full_until_somebody_leaves() {
        let room = Room::new(2);
        assert_eq!([(); 3].map(|()| room.enter()), [true, true, false]);
        room.leave(1);
        assert_eq!([(); 2].map(|()| room.enter()), [true, false]);
    }
}
