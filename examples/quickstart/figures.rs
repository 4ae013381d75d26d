//! The figures on the screen: a snapshot of the cache's own numbers. Nothing is counted here.

use std::collections::BTreeMap;
use std::time::Duration;

use cachescope::Stats;
use cachescope::metrics::{Durations, EvictionReason, RequestResult, WaitOutcome};
use serde::{Serialize, Serializer};

/// The figures of one cache, since the cache was built.
#[derive(Debug, Serialize)]
pub(crate) struct Figures {
    pub(crate) requests: u64,
    pub(crate) results: BTreeMap<&'static str, u64>,
    pub(crate) hit_rate: Option<f64>,
    pub(crate) hits: Timing,
    pub(crate) loads: Timing,
    pub(crate) waits: Timing,
    pub(crate) entries: u64,
    pub(crate) evictions: BTreeMap<&'static str, u64>,
}

/// A count, and the quantiles of the durations.
#[derive(Debug, Serialize)]
pub(crate) struct Timing {
    pub(crate) count: u64,
    #[serde(rename = "p50_us", serialize_with = "microseconds")]
    pub(crate) p50: Option<Duration>,
    #[serde(rename = "p99_us", serialize_with = "microseconds")]
    pub(crate) p99: Option<Duration>,
}

impl Figures {
    pub(crate) fn new(stats: &Stats) -> Self {
        let waits = WaitOutcome::ALL.map(|outcome| stats.waits(outcome)).iter().sum();
        Self {
            requests: stats.requests(),
            results: RequestResult::ALL.map(|result| (result.as_str(), stats.result(result))).into(),
            hit_rate: stats.hit_rate(),
            // `stats.hits()` counts every hit; only one hit in 64 is timed.
            hits: Timing::new(stats.hits(), stats.latency(RequestResult::Hit)),
            loads: Timing::new(stats.load_duration().count(), stats.load_duration()),
            waits: Timing::new(waits, stats.wait_duration(WaitOutcome::Shared)),
            entries: stats.usage().entries,
            evictions: EvictionReason::ALL.map(|reason| (reason.as_str(), stats.evictions(reason))).into(),
        }
    }
}

impl Timing {
    fn new(count: u64, durations: &Durations) -> Self {
        Self { count, p50: durations.p50(), p99: durations.p99() }
    }
}

fn microseconds<S: Serializer>(duration: &Option<Duration>, serializer: S) -> Result<S::Ok, S::Error> {
    duration.map(|duration| duration.as_nanos() as f64 / 1_000.0).serialize(serializer)
}
