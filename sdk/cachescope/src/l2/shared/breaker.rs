//! The circuit breaker: after repeated failures the store isn't called for a pause, then by one request at a time.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use cachescope_core::Timestamp;

/// The state of the breaker.
#[derive(Debug)]
pub(crate) struct Breaker {
    /// The failures in a row after which the breaker opens.
    limit: u32,
    pause: Duration,
    state: Mutex<State>,
}

#[derive(Debug)]
enum State {
    /// Closed, after this number of failures in a row.
    Closed(u32),
    /// Open until this time; then one request may try.
    Open(Timestamp),
    /// Half open: one request tries.
    Probing,
}

/// A change of the breaker's state, for the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Change {
    None,
    Opened,
    Closed,
}

impl Breaker {
    pub(crate) fn new(limit: u32, pause: Duration) -> Self {
        Self { limit, pause, state: Mutex::new(State::Closed(0)) }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the permission for one operation; `None` while the breaker is open.
    pub(crate) fn enter(&self, now: Timestamp) -> Option<Pass<'_>> {
        let mut state = self.state();
        let probes = match *state {
            State::Closed(_) => false,
            State::Open(until) if now >= until => true,
            State::Open(_) | State::Probing => return None,
        };
        if probes {
            *state = State::Probing;
        }
        Some(Pass { breaker: self, probes })
    }
}

/// One operation on the store. Dropped without a result, it counts neither as success nor as failure.
#[derive(Debug)]
pub(crate) struct Pass<'a> {
    breaker: &'a Breaker,
    probes: bool,
}

impl Pass<'_> {
    /// Records that the store answered, or had a good reason not to.
    pub(crate) fn succeeded(mut self) -> Change {
        *self.breaker.state() = State::Closed(0);
        if std::mem::take(&mut self.probes) { Change::Closed } else { Change::None }
    }

    /// Records that the store didn't answer.
    pub(crate) fn failed(mut self, now: Timestamp) -> Change {
        let probed = std::mem::take(&mut self.probes);
        let mut state = self.breaker.state();
        let failures = match *state {
            State::Closed(failures) => failures.saturating_add(1),
            State::Probing if probed => self.breaker.limit,
            // This operation began before the others failed.
            State::Open(_) | State::Probing => return Change::None,
        };
        if failures < self.breaker.limit {
            *state = State::Closed(failures);
            return Change::None;
        }
        *state = State::Open(now.after(self.breaker.pause));
        if probed { Change::None } else { Change::Opened }
    }
}

impl Drop for Pass<'_> {
    fn drop(&mut self) {
        if self.probes {
            // The next request may try at once.
            *self.breaker.state() = State::Open(Timestamp::from_nanos(0));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAUSE: Duration = Duration::from_secs(1);

    fn at(millis: u64) -> Timestamp {
        Timestamp::from_nanos(millis * 1_000_000)
    }

    fn fails(breaker: &Breaker, now: Timestamp) -> Change {
        breaker.enter(now).unwrap().failed(now)
    }

    #[test]
    fn it_opens_after_failures_in_a_row_and_one_probes() {
        let breaker = Breaker::new(3, PAUSE);
        assert_eq!(fails(&breaker, at(0)), Change::None);
        assert_eq!(fails(&breaker, at(0)), Change::None);
        assert_eq!(breaker.enter(at(0)).unwrap().succeeded(), Change::None);
        assert_eq!([at(1), at(2), at(3)].map(|now| fails(&breaker, now)), [Change::None, Change::None, Change::Opened]);
        assert!(breaker.enter(at(1_002)).is_none());

        let probe = breaker.enter(at(1_003)).unwrap();
        assert!(breaker.enter(at(1_003)).is_none(), "one at a time");
        assert_eq!(probe.failed(at(1_100)), Change::None);
        assert!(breaker.enter(at(2_099)).is_none());
        assert_eq!(breaker.enter(at(2_100)).unwrap().succeeded(), Change::Closed);
        assert!(breaker.enter(at(2_100)).is_some());
    }

    #[test]
    fn dropped_probe_frees_place_for_next_request() {
        let breaker = Breaker::new(1, PAUSE);
        fails(&breaker, at(0));
        drop(breaker.enter(at(1_000)).unwrap());
        assert_eq!(breaker.enter(at(1_000)).unwrap().succeeded(), Change::Closed);
    }

    #[test]
    fn earlier_failure_does_not_delay_probe() {
        let breaker = Breaker::new(1, PAUSE);
        let early = breaker.enter(at(0)).unwrap();
        assert_eq!(fails(&breaker, at(1)), Change::Opened);
        let probe = breaker.enter(at(1_001)).unwrap();
        assert_eq!(early.failed(at(1_002)), Change::None);
        assert_eq!(probe.succeeded(), Change::Closed);
    }
}
