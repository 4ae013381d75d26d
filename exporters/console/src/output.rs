//! The shared writer.

use std::fmt;
use std::io::{self, Write};
use std::sync::{Mutex, PoisonError};

use cachescope_exporter::{DropReason, ExporterStats, HealthReporter};
use opentelemetry_sdk::error::{OTelSdkError, OTelSdkResult};

/// A writer and its health.
pub(crate) struct Output {
    writer: Mutex<Box<dyn Write + Send>>,
    health: HealthReporter,
}

impl Output {
    pub(crate) fn new(writer: impl Write + Send + 'static) -> Self {
        let effect = "telemetry is dropped until a write succeeds";
        Self { writer: Mutex::new(Box::new(writer)), health: HealthReporter::new("the console", "telemetry", effect) }
    }

    /// Writes `text` without interleaving other output, and counts its `items` as sent or dropped.
    pub(crate) fn write(&self, text: &str, stats: &ExporterStats, items: u64) -> OTelSdkResult {
        if text.is_empty() {
            return Ok(());
        }
        let outcome = self.attempt(text);
        match &outcome {
            Ok(()) => stats.sent(items),
            Err(_) => stats.dropped(DropReason::Unreachable, items),
        }
        self.health.record(outcome.as_ref().copied().map_err(|cause| cause as _));
        outcome.map_err(|cause| OTelSdkError::InternalFailure(format!("failed to write to the console: {cause}")))
    }

    fn attempt(&self, text: &str) -> io::Result<()> {
        let mut writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        writer.write_all(text.as_bytes())?;
        writer.flush()
    }
}

impl fmt::Debug for Output {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Output").field("health", &self.health).finish_non_exhaustive()
    }
}
