//! The shutdown of telemetry: delivers the remaining telemetry once, whichever caller comes first.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use opentelemetry_sdk::error::OTelSdkError;
use opentelemetry_sdk::metrics::SdkMeterProvider;
use opentelemetry_sdk::trace::SdkTracerProvider;

use crate::Error;
use crate::destination::Deliveries;
use crate::jobs::Jobs;

/// The time that exporters get to end deliveries that were given up: enough for a thread to wake, too short to be
/// noticed.
const GRACE: Duration = Duration::from_millis(250);

/// Whether telemetry has been shut down. The lock is held while the shutdown runs.
pub(crate) type ShutDownFlag = Arc<Mutex<bool>>;

/// Everything that a shutdown ends; shared by the guard and the signal listener.
#[derive(Clone)]
pub(crate) struct ShutdownHandle {
    pub(crate) tracers: SdkTracerProvider,
    pub(crate) meters: SdkMeterProvider,
    pub(crate) deadline: Duration,
    pub(crate) is_shut_down: ShutDownFlag,
    pub(crate) deliveries: Deliveries,
}

impl ShutdownHandle {
    /// Delivers the remaining telemetry and shuts telemetry down, unless that has been done. If another thread is doing
    /// so, waits for that thread: the caller may end the process afterwards.
    pub(crate) fn shutdown(&self) -> Result<(), Error> {
        let mut is_shut_down = self.is_shut_down.lock().unwrap_or_else(PoisonError::into_inner);
        if std::mem::replace(&mut *is_shut_down, true) {
            return Ok(());
        }
        self.deliveries.begin_shutdown();
        let (tracers, meters, deadline) = (self.tracers.clone(), self.meters.clone(), self.deadline);
        let mut jobs = Jobs::start(vec![
            // Longer than the wait below, so that spans that are given up are still drained and counted within GRACE.
            Box::new(move || tracers.shutdown_with_timeout(deadline.saturating_add(2 * GRACE))),
            Box::new(move || meters.shutdown()),
        ])?;
        match jobs.wait(deadline) {
            // A metric reader waits at most five seconds, whatever its timeout; the export it waited for goes on.
            Some(Err(OTelSdkError::Timeout(_))) => {
                let is_logged = self.deliveries.give_up();
                std::thread::sleep(GRACE);
                return Err(Error::timeout(deadline, is_logged));
            }
            Some(result) => return result.map_err(|error| Error::undelivered(&error)),
            None => {}
        }
        // Exporters log which endpoint did not answer, unless they did so before, and let the SDK's threads end.
        // This handle reports what hangs elsewhere: in a callback or in another exporter.
        let is_logged = self.deliveries.give_up() && jobs.wait(GRACE).is_some();
        Err(Error::timeout(self.deadline, is_logged))
    }

    /// As [`ShutdownHandle::shutdown`], for callers that can't return an error: logs a failure that no exporter has
    /// logged.
    pub(crate) fn shutdown_and_warn(&self) {
        match self.shutdown() {
            Err(error) if !error.is_logged() => tracing::warn!("{error}"),
            _ => {}
        }
    }
}
