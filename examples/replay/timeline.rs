//! The trace's time, as the cache's clock follows it.

use std::time::Duration;

#[derive(Debug)]
pub(crate) struct Timeline {
    pace: Duration,
    step: Duration,
    /// By the trace's own time, if it has any.
    latest: Option<Duration>,
    /// What the clock has yet to be moved by.
    ahead: Duration,
    lasts: Duration,
    begun: bool,
}

impl Timeline {
    /// Requests are `pace` apart where the trace doesn't say when they were; the clock is moved in steps.
    pub(crate) const fn new(pace: Duration, step: Duration) -> Self {
        Self { pace, step, latest: None, ahead: Duration::ZERO, lasts: Duration::ZERO, begun: false }
    }

    /// By how much the clock is to be moved before a request at this time. Time that goes back stands still.
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

    /// From the first request to the last so far.
    pub(crate) const fn lasts(&self) -> Duration {
        self.lasts
    }
}
