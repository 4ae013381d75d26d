//! Where everything is written.

use std::fmt;
use std::io::{self, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use cachescope_core::{DropReason, Exports};
use opentelemetry_sdk::error::{OTelSdkError, OTelSdkResult};

/// A writer, and whether it takes what it is given.
pub(crate) struct Output {
    writer: Mutex<Box<dyn Write + Send>>,
    lost: AtomicBool,
}

impl Output {
    pub(crate) fn new(writer: impl Write + Send + 'static) -> Self {
        Self { writer: Mutex::new(Box::new(writer)), lost: AtomicBool::new(false) }
    }

    /// Writes `text` whole, without anything of others in between, and counts the `items` in it.
    pub(crate) fn write(&self, text: &str, exports: &Exports, items: u64) -> OTelSdkResult {
        if text.is_empty() {
            return Ok(());
        }
        let outcome = self.attempt(text);
        let was_lost = self.lost.swap(outcome.is_err(), Ordering::Relaxed);
        match outcome {
            Ok(()) => {
                exports.sent(items);
                if was_lost {
                    tracing::info!("telemetry is written to the console again");
                }
                Ok(())
            }
            Err(cause) => {
                exports.dropped(DropReason::Unreachable, items);
                if !was_lost {
                    tracing::warn!(%cause, "can't write telemetry to the console: {cause}; the program goes on");
                }
                Err(OTelSdkError::InternalFailure(format!("can't write to the console: {cause}")))
            }
        }
    }

    fn attempt(&self, text: &str) -> io::Result<()> {
        let mut writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        writer.write_all(text.as_bytes())?;
        writer.flush()
    }
}

impl fmt::Debug for Output {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Output").field("lost", &self.lost).finish_non_exhaustive()
    }
}
