use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use cachescope_exporter::{HealthChange, HealthReporter};

use crate::failure::Failure;
use crate::partial_success::PartialSuccess;
use crate::signal::Signal;

/// A destination of exports and its health: one for each scheme, host and port, shared by the signals.
#[derive(Debug)]
pub(crate) struct Destination {
    reporter: HealthReporter,
    health: Mutex<[Health; Signal::COUNT]>,
    /// Whether a part of the last request was rejected.
    rejecting: [AtomicBool; Signal::COUNT],
}

/// The outcome of the last export of one signal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Health {
    Good,
    /// No answer. It concerns the destination as a whole, so a success of any signal ends it.
    Unreachable,
    /// A refusal. It concerns this signal alone (a trace backend has no path for metrics), so only a success of this
    /// signal ends it. Otherwise such a backend would be lost and recovered at every interval.
    Refused,
}

impl Destination {
    /// `name` is logged: it must hold no credentials and no path.
    pub(crate) fn new(name: String) -> Self {
        let effect = "telemetry is dropped until delivery succeeds";
        Self {
            reporter: HealthReporter::new(name, "telemetry", effect),
            health: Mutex::new([Health::Good; Signal::COUNT]),
            rejecting: Default::default(),
        }
    }

    pub(crate) fn name(&self) -> &str {
        self.reporter.destination()
    }

    /// Records the outcome of an export of `signal`, and logs it if it changes the destination's health.
    pub(crate) fn record(&self, signal: Signal, outcome: Result<(), &Failure>) {
        match (self.change(signal, outcome), outcome) {
            (Some(HealthChange::Lost), Err(failure)) => self.reporter.log_lost(&failure.cause, Some(signal.name())),
            (Some(HealthChange::Recovered), _) => self.reporter.log_recovered(),
            (Some(HealthChange::Lost) | None, _) => {}
        }
    }

    /// Records the items that were rejected of an accepted request, and logs a warning when rejections begin.
    pub(crate) fn record_partial_success(&self, signal: Signal, partial: &PartialSuccess) {
        let rejecting = partial.rejected_items > 0;
        if !self.rejecting[signal.index()].swap(rejecting, Ordering::Relaxed) && rejecting {
            let name = self.name();
            tracing::warn!(
                endpoint = %name,
                signal = signal.name(),
                "{name} accepts only some of the items and rejects the others: {}; rejected items are dropped",
                if partial.message.is_empty() { "it gives no reason" } else { &partial.message },
            );
        }
    }

    /// Changes the health under the lock. The caller logs the change when the lock is released, because a subscriber may
    /// export, and so call back.
    fn change(&self, signal: Signal, outcome: Result<(), &Failure>) -> Option<HealthChange> {
        let mut health = self.health.lock().unwrap_or_else(PoisonError::into_inner);
        match outcome {
            Ok(()) => {
                for other in health.iter_mut().filter(|h| **h == Health::Unreachable) {
                    *other = Health::Good;
                }
                health[signal.index()] = Health::Good;
            }
            Err(failure) => {
                health[signal.index()] = if failure.answered { Health::Refused } else { Health::Unreachable };
            }
        }
        self.reporter.change(health.iter().any(|h| *h != Health::Good))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOST: Option<HealthChange> = Some(HealthChange::Lost);
    const RECOVERED: Option<HealthChange> = Some(HealthChange::Recovered);

    fn unreachable() -> Failure {
        Failure::unreachable("connection refused")
    }

    fn refused() -> Failure {
        Failure::http(404, "404 Not Found", None)
    }

    #[test]
    fn change_of_health_is_reported_once_for_both_signals() {
        let d = Destination::new("http://collector:4318".into());
        assert_eq!(d.change(Signal::Traces, Ok(())), None);
        assert_eq!(d.change(Signal::Traces, Err(&unreachable())), LOST);
        assert_eq!(d.change(Signal::Metrics, Err(&unreachable())), None);
        assert_eq!(d.change(Signal::Traces, Err(&unreachable())), None);
        assert_eq!(d.change(Signal::Metrics, Ok(())), RECOVERED);
        assert_eq!(d.change(Signal::Traces, Ok(())), None);
        assert_eq!(d.change(Signal::Traces, Err(&unreachable())), LOST);
    }

    #[test]
    fn backend_that_accepts_one_signal_only_does_not_flap() {
        let d = Destination::new("http://jaeger:4318".into());
        assert_eq!(d.change(Signal::Metrics, Err(&refused())), LOST);
        for _ in 0..3 {
            assert_eq!(d.change(Signal::Traces, Ok(())), None);
            assert_eq!(d.change(Signal::Metrics, Err(&refused())), None);
        }
        assert_eq!(d.change(Signal::Metrics, Ok(())), RECOVERED);
    }
}
