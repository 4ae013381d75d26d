//! What cache requests came to, as a trace's first span tells it.

use std::time::Duration;

use opentelemetry::KeyValue;

use crate::telemetry::names::attributes as names;

/// What cache requests came to within one span and all below it, in this process.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Requests that ended, however they did.
    pub requests: u64,
    /// Those that the cache answered, with a fresh entry or a stale one.
    pub hits: u64,
    /// Runs of the wrapped function that a request waited for.
    pub loads: u64,
    /// Time that requests spent in loads of their own, and waiting for those of others.
    pub waited: Duration,
    /// Time that entries saved the requests they answered.
    pub saved: Duration,
}

impl Tally {
    pub(super) fn add(&mut self, more: Self) {
        self.requests = self.requests.saturating_add(more.requests);
        self.hits = self.hits.saturating_add(more.hits);
        self.loads = self.loads.saturating_add(more.loads);
        self.waited = self.waited.saturating_add(more.waited);
        self.saved = self.saved.saturating_add(more.saved);
    }

    /// What a span says of it. Allocates nothing.
    #[must_use]
    pub fn attributes(&self) -> [KeyValue; 5] {
        let whole = |name, number: u64| KeyValue::new(name, i64::try_from(number).unwrap_or(i64::MAX));
        [
            whole(names::TRACE_REQUESTS, self.requests),
            whole(names::TRACE_HITS, self.hits),
            whole(names::TRACE_LOADS, self.loads),
            KeyValue::new(names::TRACE_WAIT_TIME, self.waited.as_secs_f64()),
            KeyValue::new(names::TRACE_SAVED_TIME, self.saved.as_secs_f64()),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tallies_add_up_and_a_span_says_all_of_it() {
        let one = Tally { requests: 1, loads: 1, waited: Duration::from_millis(250), ..Tally::default() };
        let other = Tally { requests: 1, hits: 1, saved: Duration::from_millis(500), ..Tally::default() };
        let mut all = Tally::default();
        all.add(one);
        all.add(other);
        let said = all.attributes().map(|kv| format!("{}={}", kv.key, kv.value));
        assert_eq!(
            said,
            [
                "cachescope.trace.requests=2",
                "cachescope.trace.hits=1",
                "cachescope.trace.loads=1",
                "cachescope.trace.wait.time=0.25",
                "cachescope.trace.saved.time=0.5",
            ]
        );
    }
}
