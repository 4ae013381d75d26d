//! One cache alone.

use std::time::SystemTime;

use cachescope::{
    Durations, EvictionReason, Failure, LiveCache, LoadOutcome, LoadTrigger, MissReason, RejectionReason,
    RequestResult, Stats, WaitOutcome, Window,
};
use serde::Serialize;

use super::past::{Slice, quantiles, slices};
use super::{Row, Span, millis, nanos};

/// What happened so often, and how long it took. Durations are nanoseconds.
#[derive(Debug, Serialize)]
struct Timed {
    what: &'static str,
    count: u64,
    quantiles: Option<[f64; 3]>,
    max: f64,
}

impl Timed {
    fn of(what: &'static str, count: u64, durations: &Durations) -> Self {
        Self { what, count, quantiles: quantiles(durations), max: nanos(durations.max()) }
    }
}

/// How often something happened, by name; what didn't is left out.
type Tally = Vec<(&'static str, u64)>;

fn tally(counts: impl IntoIterator<Item = (&'static str, u64)>) -> Tally {
    counts.into_iter().filter(|(_, count)| *count > 0).collect()
}

/// A cache's numbers within a span, and what it counts in all.
#[derive(Debug, Serialize)]
pub(crate) struct Detail {
    /// Milliseconds since 1970.
    at: f64,
    #[serde(flatten)]
    row: Row,
    span: Span,
    /// How many seconds the numbers of the span cover; less than it where the cache is younger.
    covers: f64,
    /// How many seconds all numbers cover.
    age: f64,
    span_requests: u64,
    span_hit_rate: Option<f64>,
    in_flight: u64,
    loads_active: u64,
    results: Vec<Timed>,
    loads: Vec<Timed>,
    load_outcomes: Tally,
    waits_by_outcome: Vec<Timed>,
    store_waits: Tally,
    misses: Tally,
    evictions: Tally,
    rejections: Tally,
    failures: Tally,
    /// Of all its time, in nanoseconds: what hits saved, what the cache itself took, and what is left.
    load_time_saved: f64,
    caching_time: f64,
    time_saved: f64,
    /// Left out between the times that slices are read at.
    #[serde(skip_serializing_if = "Option::is_none")]
    past: Option<Vec<Slice>>,
}

impl Detail {
    /// Reads a cache. With its past, takes some hundred microseconds; without, some ten.
    pub(crate) fn of(key: String, cache: &LiveCache, span: Span, with_past: bool) -> Self {
        let row = Row::of(key, cache);
        let all = cache.stats();
        let stats = cache.window(Window::Last(span.duration()));
        let results = RequestResult::ALL.iter();
        let loads = LoadTrigger::ALL.iter();
        let waits = WaitOutcome::ALL.iter();
        Self {
            at: millis(SystemTime::now()),
            span,
            covers: stats.covers().as_secs_f64(),
            age: all.covers().as_secs_f64(),
            span_requests: stats.requests(),
            span_hit_rate: stats.hit_rate(),
            in_flight: all.in_flight(),
            loads_active: all.loads_active(),
            results: results.map(|by| Timed::of(by.as_str(), stats.result(*by), stats.latency(*by))).collect(),
            loads: loads
                .map(|by| (by, stats.load_duration_by(*by)))
                .map(|(by, took)| Timed::of(by.as_str(), took.count(), took))
                .collect(),
            load_outcomes: tally(LoadOutcome::ALL.map(|by| (by.as_str(), stats.loads(by)))),
            waits_by_outcome: waits
                .map(|by| Timed::of(by.as_str(), stats.waits(*by), stats.wait_duration(*by)))
                .collect(),
            store_waits: tally(WaitOutcome::ALL.map(|by| (by.as_str(), stats.store_waits(by)))),
            misses: misses(&stats),
            evictions: tally(EvictionReason::ALL.map(|by| (by.as_str(), stats.evictions(by)))),
            rejections: tally(RejectionReason::ALL.map(|by| (by.as_str(), stats.rejections(by)))),
            failures: tally(Failure::ALL.map(|by| (by.as_str(), stats.failures(by)))),
            load_time_saved: nanos(all.load_time_saved()),
            caching_time: nanos(all.caching_time()),
            time_saved: nanos(all.time_saved()),
            past: with_past.then(|| slices(cache, span)),
            row,
        }
    }
}

fn misses(stats: &Stats) -> Tally {
    tally(MissReason::ALL.map(|reason| (reason.as_str(), stats.misses_because(reason))))
}
