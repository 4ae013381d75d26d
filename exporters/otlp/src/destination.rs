//! Where exports go, and whether they arrive.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use crate::answer::Rejection;
use crate::failure::Failure;
use crate::settings::Signal;

/// Where exports go, and whether they arrive: one for each scheme, host and port, shared by the signals.
#[derive(Debug)]
pub(crate) struct Destination {
    name: String,
    health: Mutex<[Health; Signal::COUNT]>,
    /// Whether some of a request was rejected the last time.
    rejecting: [AtomicBool; Signal::COUNT],
}

/// How the last export of one signal ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Health {
    Good,
    /// Nobody answered: true of the destination as a whole, so any signal's success ends it.
    Unreachable,
    /// An answer that refuses: true of this signal alone (a trace backend has no path for metrics), and only this
    /// signal's success ends it. Without the difference such a backend would be lost and found at every interval.
    Refused,
}

#[derive(Debug, PartialEq, Eq)]
enum Change {
    Lost,
    Recovered,
    None,
}

impl Destination {
    /// `name` is printed: no credentials, no path.
    pub(crate) fn new(name: String) -> Self {
        Self { name, health: Mutex::new([Health::Good; Signal::COUNT]), rejecting: Default::default() }
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Notes how an export of `signal` ended, and says so if that is news.
    pub(crate) fn record(&self, signal: Signal, outcome: Result<(), &Failure>) {
        match (self.change(signal, outcome), outcome) {
            (Change::Lost, Err(failure)) => tracing::warn!(
                endpoint = %self.name,
                signal = signal.name(),
                cause = %failure.cause,
                "can't deliver telemetry to {}: {}; the program goes on, telemetry is dropped until it comes back",
                self.name,
                failure.cause,
            ),
            (Change::Recovered, _) => {
                tracing::info!(endpoint = %self.name, "telemetry is delivered to {} again", self.name);
            }
            (Change::Lost | Change::None, _) => {}
        }
    }

    /// Notes what was not taken of a request that was, and says so if that is news.
    pub(crate) fn record_rejection(&self, signal: Signal, rejection: &Rejection) {
        let rejecting = rejection.items > 0;
        if !self.rejecting[signal.index()].swap(rejecting, Ordering::Relaxed) && rejecting {
            tracing::warn!(
                endpoint = %self.name,
                signal = signal.name(),
                "{} takes only some of what it is sent, and drops the rest: {}",
                self.name,
                if rejection.words.is_empty() { "it doesn't say why" } else { &rejection.words },
            );
        }
    }

    /// The transition alone, outside of which nothing is logged: a subscriber may export, and so come back here.
    fn change(&self, signal: Signal, outcome: Result<(), &Failure>) -> Change {
        let mut health = self.health.lock().unwrap_or_else(PoisonError::into_inner);
        let was_good = health.iter().all(|h| *h == Health::Good);
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
        let is_good = health.iter().all(|h| *h == Health::Good);
        match (was_good, is_good) {
            (true, false) => Change::Lost,
            (false, true) => Change::Recovered,
            _ => Change::None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unreachable() -> Failure {
        Failure::unreachable("connection refused")
    }

    fn refused() -> Failure {
        Failure::http(404, "404 Not Found", None)
    }

    #[test]
    fn says_each_change_once_for_both_signals() {
        let d = Destination::new("http://collector:4318".into());
        assert_eq!(d.change(Signal::Traces, Ok(())), Change::None);
        assert_eq!(d.change(Signal::Traces, Err(&unreachable())), Change::Lost);
        assert_eq!(d.change(Signal::Metrics, Err(&unreachable())), Change::None);
        assert_eq!(d.change(Signal::Traces, Err(&unreachable())), Change::None);
        assert_eq!(d.change(Signal::Metrics, Ok(())), Change::Recovered);
        assert_eq!(d.change(Signal::Traces, Ok(())), Change::None);
        assert_eq!(d.change(Signal::Traces, Err(&unreachable())), Change::Lost);
    }

    #[test]
    fn a_backend_that_takes_one_signal_only_does_not_flap() {
        let d = Destination::new("http://jaeger:4318".into());
        assert_eq!(d.change(Signal::Metrics, Err(&refused())), Change::Lost);
        for _ in 0..3 {
            assert_eq!(d.change(Signal::Traces, Ok(())), Change::None);
            assert_eq!(d.change(Signal::Metrics, Err(&refused())), Change::None);
        }
        assert_eq!(d.change(Signal::Metrics, Ok(())), Change::Recovered);
    }
}
