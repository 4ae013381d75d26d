//! The time of the trace, which the clock of the cache follows.

use std::time::Duration;

/// Turns the times of requests into steps of the cache's clock.
#[derive(Debug)]
pub(crate) struct Timeline {
    pace: Duration,
    step: Duration,
    /// The latest time in the trace, if the trace has times.
    latest: Option<Duration>,
    /// The time by which the trace is ahead of the clock.
    ahead: Duration,
    lasts: Duration,
    begun: bool,
}

impl Timeline {
    /// Creates a timeline. Requests without a time are `pace` apart; the clock moves in steps of at least `step`.
    pub(crate) const fn new(pace: Duration, step: Duration) -> Self {
        Self { pace, step, latest: None, ahead: Duration::ZERO, lasts: Duration::ZERO, begun: false }
    }

    /// Returns the time to advance the clock by before a request at `at`. An earlier time than before doesn't move it.
    pub(crate) fn until(&mut self, at: Option<Duration>) -> Duration {
        let passed = match at {
            Some(at) => at.saturating_sub(self.latest.unwrap_or(at)),
            None if self.begun => self.pace,
            None => Duration::ZERO,
        };
        self.begun = true;
        self.latest = self.latest.max(at);
        self.lasts = self.lasts.saturating_add(passed);
        self.ahead = self.ahead.saturating_add(passed);
        if self.ahead < self.step { Duration::ZERO } else { std::mem::take(&mut self.ahead) }
    }

    /// Returns the time from the first request to the last one so far.
    pub(crate) const fn lasts(&self) -> Duration {
        self.lasts
    }
}
