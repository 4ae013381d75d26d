//! The numbers of a cache as text, for logs.

use std::fmt;

use cachescope_core::{
    EvictionReason, Failure, LoadOutcome, LoadTrigger, Operation, RejectionReason, RequestResult, StoreErrorKind,
    WaitOutcome,
};
use cachescope_telemetry::Durations;

use crate::metrics::Stats;
use crate::metrics::format::format_time;

impl fmt::Display for Stats {
    /// Writes a compact table: a line of results, and a line for each kind of event that occurred.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rate = self.hit_rate().map_or("none".to_owned(), |rate| format!("{:.1} %", rate * 100.0));
        write!(f, "{} requests in {}, hit rate {rate}", self.requests(), format_time(self.covers()))?;
        let results = RequestResult::ALL.into_iter().map(|result| (result.as_str(), self.result(result)));
        list(f, "results", results.chain([("in flight", self.in_flight())]))?;
        for result in RequestResult::ALL {
            times(f, result.as_str(), self.latency(result))?;
        }
        for trigger in LoadTrigger::ALL {
            times(f, &format!("load by {}", trigger.as_str()), self.load_duration_by(trigger))?;
        }
        list(f, "loads by miss", LoadOutcome::ALL.into_iter().map(|outcome| (outcome.as_str(), self.loads(outcome))))?;
        list(f, "waits", WaitOutcome::ALL.into_iter().map(|outcome| (outcome.as_str(), self.waits(outcome))))?;
        let store_waits = WaitOutcome::ALL.into_iter().map(|outcome| (outcome.as_str(), self.store_waits(outcome)));
        list(f, "store waits", store_waits)?;
        let errors = |kind| Operation::ALL.map(|operation| self.store_errors(operation, kind)).iter().sum();
        list(f, "store errors", StoreErrorKind::ALL.into_iter().map(|kind| (kind.as_str(), errors(kind))))?;
        let evictions = EvictionReason::ALL.into_iter().map(|reason| (reason.as_str(), self.evictions(reason)));
        list(f, "evictions", evictions)?;
        let failures = Failure::ALL.into_iter().map(|failure| (failure.as_str(), self.failures(failure)));
        list(f, "failures", failures)?;
        let rejections = RejectionReason::ALL.into_iter().map(|reason| (reason.as_str(), self.rejections(reason)));
        list(f, "rejections", rejections)?;
        let usage = self.usage();
        write!(f, "\n  entries        {}", usage.entries)?;
        usage.entry_limit.map_or(Ok(()), |limit| write!(f, " of {limit}"))?;
        usage.bytes.map_or(Ok(()), |bytes| write!(f, ", {bytes} bytes"))?;
        if self.restored() > 0 {
            write!(f, "\n  restored       {} of the requests", self.restored())?;
        }
        write!(f, "\n  time saved     {}", format_time(self.time_saved()))
    }
}

/// Writes a line of the counts that aren't zero. Writes nothing if all are zero.
fn list<'a>(f: &mut fmt::Formatter<'_>, what: &str, counts: impl Iterator<Item = (&'a str, u64)>) -> fmt::Result {
    let counts: Vec<_> =
        counts.filter(|(_, count)| *count > 0).map(|(name, count)| format!("{name} {count}")).collect();
    if counts.is_empty() { Ok(()) } else { write!(f, "\n  {what:<14} {}", counts.join(", ")) }
}

fn times(f: &mut fmt::Formatter<'_>, what: &str, durations: &Durations) -> fmt::Result {
    let (Some(p50), Some(p90), Some(p99)) = (durations.p50(), durations.p90(), durations.p99()) else { return Ok(()) };
    let [mean, p50, p90, p99, max] = [durations.mean(), p50, p90, p99, durations.max()].map(format_time);
    write!(f, "\n  {what:<14} mean {mean}, p50 {p50}, p90 {p90}, p99 {p99}, max {max}")
}
