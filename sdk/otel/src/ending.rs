//! The end of telemetry: delivers what is left once, whoever asks for it.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use opentelemetry_sdk::error::OTelSdkError;
use opentelemetry_sdk::metrics::SdkMeterProvider;
use opentelemetry_sdk::trace::SdkTracerProvider;

use crate::Error;
use crate::deadline::Work;
use crate::destination::Deliveries;

/// How long exporters get to end what was given up: enough for a thread to wake, too little to be noticed.
const GRACE: Duration = Duration::from_millis(250);

/// Whether telemetry has ended; held while it ends.
pub(crate) type Ended = Arc<Mutex<bool>>;

/// What has to end, for the guard and for whatever ends the process beside it.
#[derive(Clone)]
pub(crate) struct Ending {
    pub(crate) tracers: SdkTracerProvider,
    pub(crate) meters: SdkMeterProvider,
    pub(crate) deadline: Duration,
    pub(crate) ended: Ended,
    pub(crate) deliveries: Deliveries,
}

impl Ending {
    /// Delivers what is left and ends telemetry, unless that was done. If another is at it, waits for that one: whoever
    /// returns from here may end the process.
    pub(crate) fn close(&self) -> Result<(), Error> {
        let mut ended = self.ended.lock().unwrap_or_else(PoisonError::into_inner);
        if std::mem::replace(&mut *ended, true) {
            return Ok(());
        }
        self.deliveries.finish();
        let (tracers, meters, deadline) = (self.tracers.clone(), self.meters.clone(), self.deadline);
        let mut work = Work::start(vec![
            // Longer than we wait, so that what is given up then is still drained, and counted, within the grace.
            Box::new(move || tracers.shutdown_with_timeout(deadline.saturating_add(2 * GRACE))),
            Box::new(move || meters.shutdown()),
        ])?;
        match work.wait(deadline) {
            // A reader of metrics waits for five seconds, whatever it is told; what it waited for goes on.
            Some(Err(OTelSdkError::Timeout(_))) => {
                let said = self.deliveries.give_up();
                std::thread::sleep(GRACE);
                return Err(Error::late(deadline, said));
            }
            Some(result) => return result.map_err(|error| Error::undelivered(&error)),
            None => {}
        }
        // The exporters know whom they wait for: they say so, unless they did when it was lost, and let the SDK's
        // threads end. What hangs elsewhere, in a callback or a foreign exporter, is left to us to say.
        let said = self.deliveries.give_up() && work.wait(GRACE).is_some();
        Err(Error::late(self.deadline, said))
    }

    /// The same for whoever has no one to tell of a failure: says it, unless an exporter did.
    pub(crate) fn close_and_say(&self) {
        match self.close() {
            Err(error) if !error.was_said() => tracing::warn!("{error}"),
            _ => {}
        }
    }
}
