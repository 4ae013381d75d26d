//! One cache among all.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use cachescope::{LiveCache, LoadTrigger, RequestResult, Stats, WaitOutcome, Window};
use serde::Serialize;

use super::{millis, nanos};

/// A cache's numbers in the list. Durations are nanoseconds. What isn't said to be of all its time is of the last
/// minute.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Row {
    pub(crate) key: String,
    pub(crate) store: &'static str,
    pub(crate) labels: BTreeMap<String, String>,
    #[serde(flatten)]
    pub(crate) numbers: Numbers,
}

/// Of all its time: requests, and how many of them the cache answered.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Numbers {
    pub(crate) requests: u64,
    pub(crate) answered: u64,
    pub(crate) per_second: f64,
    pub(crate) hit_rate: Option<f64>,
    /// Time spent in loads, a second: 2 is two loads running all the time.
    pub(crate) load_time: f64,
    pub(crate) load_p99: Option<f64>,
    /// Waits for others' loads that ended.
    pub(crate) waits: u64,
    /// Requests waiting now, and how long the oldest has.
    pub(crate) waiting: u64,
    pub(crate) longest_wait: f64,
    pub(crate) entries: u64,
    pub(crate) entry_limit: Option<u64>,
    pub(crate) bytes: Option<u64>,
    pub(crate) byte_limit: Option<u64>,
}

/// The order of [`Numbers::compact`].
pub(crate) const FIELDS: [&str; 13] = [
    "requests",
    "answered",
    "per_second",
    "hit_rate",
    "load_time",
    "load_p99",
    "waits",
    "waiting",
    "longest_wait",
    "entries",
    "entry_limit",
    "bytes",
    "byte_limit",
];

impl Row {
    pub(crate) fn of(key: String, cache: &LiveCache) -> Self {
        let all = cache.snapshot();
        let numbers = Numbers::of(&all.stats, &cache.window(Window::Minute));
        Self { key, store: cache.store(), labels: all.labels, numbers }
    }
}

impl Numbers {
    pub(crate) fn of(all: &Stats, minute: &Stats) -> Self {
        let levels = all.levels();
        let load_time: Duration = LoadTrigger::ALL.iter().map(|by| minute.load_duration_by(*by).sum()).sum();
        let seconds = minute.covers().as_secs_f64();
        Self {
            requests: all.requests(),
            answered: all.hits() + all.result(RequestResult::Stale),
            per_second: minute.per_second().requests,
            hit_rate: minute.hit_rate(),
            load_time: if seconds > 0.0 { load_time.as_secs_f64() / seconds } else { 0.0 },
            load_p99: minute.load_duration().p99().map(nanos),
            waits: WaitOutcome::ALL.iter().map(|outcome| minute.waits(*outcome)).sum(),
            waiting: all.waits_active(),
            longest_wait: nanos(all.longest_wait()),
            entries: levels.entries,
            entry_limit: levels.entry_limit,
            bytes: levels.bytes,
            byte_limit: levels.byte_limit,
        }
    }

    /// The numbers alone, for a list that comes once a second.
    fn compact(&self) -> [Option<f64>; FIELDS.len()] {
        let count = |count: u64| Some(count as f64);
        // Three digits after the point are enough for any pixel, and half the bytes.
        let short = |value: f64| (value * 1e4).round() / 1e4;
        [
            count(self.requests),
            count(self.answered),
            Some(short(self.per_second)),
            self.hit_rate.map(short),
            Some(short(self.load_time)),
            self.load_p99,
            count(self.waits),
            count(self.waiting),
            Some(self.longest_wait),
            count(self.entries),
            self.entry_limit.and_then(count),
            self.bytes.and_then(count),
            self.byte_limit.and_then(count),
        ]
    }
}

/// All caches at one moment.
#[derive(Debug, Serialize)]
pub(crate) struct Overview {
    /// Milliseconds since 1970.
    pub(crate) at: f64,
    pub(crate) caches: Vec<Row>,
}

/// Who they are: sent once, and again when that changes.
#[derive(Serialize)]
pub(crate) struct Names<'a> {
    fields: [&'static str; FIELDS.len()],
    caches: Vec<(&'a str, &'static str, &'a BTreeMap<String, String>)>,
}

/// What they count: one row of numbers each, in the order of [`Names`].
#[derive(Serialize)]
pub(crate) struct Compact {
    at: f64,
    rows: Vec<[Option<f64>; FIELDS.len()]>,
}

impl Overview {
    /// Reads every live cache, in the order they were built. Takes some ten microseconds for each.
    pub(crate) fn read() -> Self {
        let caches = super::keyed().into_iter().map(|(key, cache)| Row::of(key, &cache)).collect();
        Self { at: millis(SystemTime::now()), caches }
    }

    /// Those first whose loads take longest; of those that take as long, who answers fewest.
    pub(crate) fn worst_first(&self) -> Self {
        let rate = |row: &Row| row.numbers.hit_rate.unwrap_or(f64::INFINITY);
        let mut caches = self.caches.clone();
        caches.sort_by(|a, b| b.numbers.load_time.total_cmp(&a.numbers.load_time).then(rate(a).total_cmp(&rate(b))));
        Self { at: self.at, caches }
    }

    pub(crate) fn names(&self) -> Names<'_> {
        let caches = self.caches.iter().map(|row| (row.key.as_str(), row.store, &row.labels)).collect();
        Names { fields: FIELDS, caches }
    }

    /// Whether the names are those of `other`.
    pub(crate) fn has_names_of(&self, other: &Self) -> bool {
        let names = |row: &Row| (row.key.clone(), row.store, row.labels.clone());
        self.caches.iter().map(names).eq(other.caches.iter().map(names))
    }

    pub(crate) fn compact(&self) -> Compact {
        Compact { at: self.at, rows: self.caches.iter().map(|row| row.numbers.compact()).collect() }
    }
}
