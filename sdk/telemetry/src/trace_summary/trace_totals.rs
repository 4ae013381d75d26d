//! The totals of a trace's cache requests.

use std::time::Duration;

use opentelemetry::KeyValue;

use crate::names::attributes as names;

/// The totals of the cache requests within one span and all spans below it, in this process.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TraceTotals {
    /// The number of requests that ended, with any result.
    pub requests: u64,
    /// The number of requests that the cache answered, with a fresh or a stale entry.
    pub hits: u64,
    /// The number of loads that a request waited for.
    pub loads: u64,
    /// The time that requests spent in their own loads and in waits for other requests' loads.
    pub waited: Duration,
    /// The load time that hits avoided.
    pub saved: Duration,
}

impl TraceTotals {
    pub(super) fn add(&mut self, more: Self) {
        self.requests = self.requests.saturating_add(more.requests);
        self.hits = self.hits.saturating_add(more.hits);
        self.loads = self.loads.saturating_add(more.loads);
        self.waited = self.waited.saturating_add(more.waited);
        self.saved = self.saved.saturating_add(more.saved);
    }

    /// Returns the attributes for the span. Doesn't allocate.
    #[must_use]
    pub fn attributes(&self) -> [KeyValue; 5] {
        let count = |name, number: u64| KeyValue::new(name, i64::try_from(number).unwrap_or(i64::MAX));
        [
            count(names::TRACE_REQUESTS, self.requests),
            count(names::TRACE_HITS, self.hits),
            count(names::TRACE_LOADS, self.loads),
            KeyValue::new(names::TRACE_WAIT_TIME, self.waited.as_secs_f64()),
            KeyValue::new(names::TRACE_SAVED_TIME, self.saved.as_secs_f64()),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn totals_add_up_and_become_attributes() {
        let one = TraceTotals { requests: 1, loads: 1, waited: Duration::from_millis(250), ..TraceTotals::default() };
        let other = TraceTotals { requests: 1, hits: 1, saved: Duration::from_millis(500), ..TraceTotals::default() };
        let mut all = TraceTotals::default();
        all.add(one);
        all.add(other);
        let attributes = all.attributes().map(|kv| format!("{}={}", kv.key, kv.value));
        assert_eq!(
            attributes,
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
