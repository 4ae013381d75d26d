//! The details of one cache.

use std::time::SystemTime;

use cachescope::metrics::{
    Durations, EvictionReason, Failure, LiveCache, LoadOutcome, LoadTrigger, MissReason, RejectionReason,
    RequestResult, WaitOutcome,
};
use cachescope::{Stats, Window};
use serde::Serialize;

use super::history::{HistorySpan, Slice, quantiles, slices};
use super::row::Row;
use super::wire::{millis, nanos};

/// The count and the durations of one kind of event. Durations are nanoseconds.
#[derive(Debug, Serialize)]
struct Timed {
    what: &'static str,
    count: u64,
    quantiles: Option<[f64; 3]>,
    max: f64,
}

impl Timed {
    fn new(what: &'static str, count: u64, durations: &Durations) -> Self {
        Self { what, count, quantiles: quantiles(durations), max: nanos(durations.max()) }
    }
}

/// Counts of events by name, without zeros.
type Tally = Vec<(&'static str, u64)>;

fn tally(counts: impl IntoIterator<Item = (&'static str, u64)>) -> Tally {
    counts.into_iter().filter(|(_, count)| *count > 0).collect()
}

/// A cache's numbers within a time range, and its totals.
#[derive(Debug, Serialize)]
pub(crate) struct Detail {
    /// Milliseconds since 1970.
    at: f64,
    #[serde(flatten)]
    row: Row,
    span: HistorySpan,
    /// The number of seconds that the numbers of the range cover: less than the range if the cache is younger.
    covers: f64,
    /// The number of seconds that the totals cover.
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
    /// Totals in nanoseconds: load time avoided by hits, time spent on caching, and their difference.
    load_time_saved: f64,
    caching_time: f64,
    time_saved: f64,
    /// The history; omitted between two readings of the slices.
    #[serde(skip_serializing_if = "Option::is_none")]
    past: Option<Vec<Slice>>,
}

impl Detail {
    /// Reads a cache. Takes some hundred microseconds with its history, and about ten without.
    pub(crate) fn read(key: String, cache: &LiveCache, span: HistorySpan, with_past: bool) -> Self {
        let row = Row::read(key, cache);
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
            results: results.map(|by| Timed::new(by.as_str(), stats.result(*by), stats.latency(*by))).collect(),
            loads: loads
                .map(|by| (by, stats.load_duration_by(*by)))
                .map(|(by, took)| Timed::new(by.as_str(), took.count(), took))
                .collect(),
            load_outcomes: tally(LoadOutcome::ALL.map(|by| (by.as_str(), stats.loads(by)))),
            waits_by_outcome: waits
                .map(|by| Timed::new(by.as_str(), stats.waits(*by), stats.wait_duration(*by)))
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
