//! Leaves a store alone that keeps failing: asks again after a pause, by one request at a time.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use cachescope_core::Moment;

/// Whether a store may be asked.
#[derive(Debug)]
pub(crate) struct Breaker {
    /// After so many failures in a row it isn't.
    limit: u32,
    pause: Duration,
    state: Mutex<State>,
}

#[derive(Debug)]
enum State {
    /// It may; so many times in a row it failed.
    Closed(u32),
    /// It may not, before this; then one may try.
    Open(Moment),
    /// One tries.
    Probing,
}

/// Whether the breaker has opened or closed by what happened.
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

    /// The permission to ask the store once; `None` while it is left alone.
    pub(crate) fn enter(&self, now: Moment) -> Option<Pass<'_>> {
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

/// One operation on the store. Dropped without an end, it tells nothing of the store.
#[derive(Debug)]
pub(crate) struct Pass<'a> {
    breaker: &'a Breaker,
    probes: bool,
}

impl Pass<'_> {
    /// The store did what it was asked for, or had a good reason not to.
    pub(crate) fn succeeded(mut self) -> Change {
        *self.breaker.state() = State::Closed(0);
        if std::mem::take(&mut self.probes) { Change::Closed } else { Change::None }
    }

    /// The store didn't answer.
    pub(crate) fn failed(mut self, now: Moment) -> Change {
        let probed = std::mem::take(&mut self.probes);
        let mut state = self.breaker.state();
        let failures = match *state {
            State::Closed(failures) => failures.saturating_add(1),
            State::Probing if probed => self.breaker.limit,
            // One that began before the others failed.
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
            // The next one may try at once.
            *self.breaker.state() = State::Open(Moment::from_nanos(0));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAUSE: Duration = Duration::from_secs(1);

    fn at(millis: u64) -> Moment {
        Moment::from_nanos(millis * 1_000_000)
    }

    fn fails(breaker: &Breaker, now: Moment) -> Change {
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
    fn a_probe_that_is_dropped_leaves_its_place_to_the_next() {
        let breaker = Breaker::new(1, PAUSE);
        fails(&breaker, at(0));
        drop(breaker.enter(at(1_000)).unwrap());
        assert_eq!(breaker.enter(at(1_000)).unwrap().succeeded(), Change::Closed);
    }

    #[test]
    fn a_failure_from_before_does_not_put_the_probe_off() {
        let breaker = Breaker::new(1, PAUSE);
        let early = breaker.enter(at(0)).unwrap();
        assert_eq!(fails(&breaker, at(1)), Change::Opened);
        let probe = breaker.enter(at(1_001)).unwrap();
        assert_eq!(early.failed(at(1_002)), Change::None);
        assert_eq!(probe.succeeded(), Change::Closed);
    }
}
