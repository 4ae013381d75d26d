use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};

/// Logs through `tracing` when a destination is lost (one `warn!`) and when it recovers (one `info!`). Exports that fail
/// in between are silent.
///
/// ```
/// use cachescope_exporter::HealthReporter;
///
/// let health = HealthReporter::new("http://carbon:2003", "metrics", "metrics are dropped until delivery succeeds");
/// // "failed to deliver metrics to http://carbon:2003: connection refused; metrics are dropped until ..."
/// health.record(Err(&"connection refused"));
/// health.record(Err(&"connection refused")); // logs nothing
/// health.record(Ok(())); // "delivering metrics to http://carbon:2003 again"
/// ```
#[derive(Debug)]
pub struct HealthReporter {
    destination: String,
    telemetry: &'static str,
    effect: &'static str,
    is_lost: AtomicBool,
}

/// A change of a destination's health.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HealthChange {
    /// The destination worked before, and doesn't now.
    Lost,
    /// The destination works again.
    Recovered,
}

impl HealthReporter {
    /// Creates a reporter for a destination that is assumed to work.
    ///
    /// `destination` is logged: it must hold no credentials. `telemetry` names what is delivered, such as `metrics`.
    /// `effect` tells what a loss means for the telemetry, and ends the warning.
    pub fn new(destination: impl Into<String>, telemetry: &'static str, effect: &'static str) -> Self {
        Self { destination: destination.into(), telemetry, effect, is_lost: AtomicBool::new(false) }
    }

    /// Returns the name of the destination.
    #[must_use]
    pub fn destination(&self) -> &str {
        &self.destination
    }

    /// Records the outcome of an export, and logs it if it changes the destination's health.
    pub fn record(&self, outcome: Result<(), &dyn fmt::Display>) {
        match (self.change(outcome.is_err()), outcome) {
            (Some(HealthChange::Lost), Err(cause)) => self.log_lost(cause, None),
            (Some(HealthChange::Recovered), _) => self.log_recovered(),
            (Some(HealthChange::Lost) | None, _) => {}
        }
    }

    /// Records whether the destination is lost, and returns the change, without logging it.
    ///
    /// Use it where health is decided under a lock, and log the change when the lock is released: a subscriber may
    /// export, and so call back.
    pub fn change(&self, is_lost: bool) -> Option<HealthChange> {
        match (self.is_lost.swap(is_lost, Ordering::Relaxed), is_lost) {
            (false, true) => Some(HealthChange::Lost),
            (true, false) => Some(HealthChange::Recovered),
            _ => None,
        }
    }

    /// Logs that the destination is lost. `signal` is the signal whose export failed, if there are several.
    pub fn log_lost(&self, cause: &dyn fmt::Display, signal: Option<&str>) {
        let Self { destination, telemetry, effect, .. } = self;
        tracing::warn!(
            endpoint = %destination,
            signal,
            cause = %cause,
            "failed to deliver {telemetry} to {destination}: {cause}; {effect}",
        );
    }

    /// Logs that the destination works again.
    pub fn log_recovered(&self) {
        let Self { destination, telemetry, .. } = self;
        tracing::info!(endpoint = %destination, "delivering {telemetry} to {destination} again");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn change_is_returned_once() {
        let health = HealthReporter::new("somewhere", "metrics", "metrics are dropped");
        let changes = [false, true, true, false, false, true].map(|is_lost| health.change(is_lost));
        let (lost, recovered) = (Some(HealthChange::Lost), Some(HealthChange::Recovered));
        assert_eq!(changes, [None, lost, None, recovered, None, lost]);
    }
}
