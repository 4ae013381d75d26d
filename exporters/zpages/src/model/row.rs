//! The rows of the list of caches.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use cachescope::metrics::{LiveCache, LoadTrigger, RequestResult, WaitOutcome};
use cachescope::{Stats, Window};
use serde::Serialize;

use super::keys::keyed;
use super::wire::{millis, nanos};

/// A cache's row in the list.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Row {
    pub(crate) key: String,
    pub(crate) store: &'static str,
    pub(crate) labels: BTreeMap<String, String>,
    #[serde(flatten)]
    pub(crate) numbers: Numbers,
}

/// A cache's numbers in the list. Durations are nanoseconds. `requests` and `answered` (requests that the cache
/// answered) are totals; other counts and rates cover the last minute.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Numbers {
    pub(crate) requests: u64,
    pub(crate) answered: u64,
    pub(crate) per_second: f64,
    pub(crate) hit_rate: Option<f64>,
    /// Seconds spent in loads per second: 2 means two loads running all the time.
    pub(crate) load_time: f64,
    pub(crate) load_p99: Option<f64>,
    /// Finished waits for other requests' loads.
    pub(crate) waits: u64,
    /// Requests waiting now, and the time that the oldest of them has waited.
    pub(crate) waiting: u64,
    pub(crate) longest_wait: f64,
    pub(crate) entries: u64,
    pub(crate) entry_limit: Option<u64>,
    pub(crate) bytes: Option<u64>,
    pub(crate) byte_limit: Option<u64>,
}

/// The names of the numbers, in the order of [`Numbers::compact`].
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
    pub(crate) fn read(key: String, cache: &LiveCache) -> Self {
        let all = cache.snapshot();
        let numbers = Numbers::new(&all.stats, &cache.window(Window::Minute));
        Self { key, store: cache.store(), labels: all.labels, numbers }
    }
}

impl Numbers {
    pub(crate) fn new(all: &Stats, minute: &Stats) -> Self {
        let usage = all.usage();
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
            entries: usage.entries,
            entry_limit: usage.entry_limit,
            bytes: usage.bytes,
            byte_limit: usage.byte_limit,
        }
    }

    /// Returns the numbers without their names, for the list that is sent every second.
    fn compact(&self) -> [Option<f64>; FIELDS.len()] {
        let count = |count: u64| Some(count as f64);
        // Four decimals are enough for any pixel, and take half the bytes.
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

/// All caches at one time.
#[derive(Debug, Serialize)]
pub(crate) struct Overview {
    /// Milliseconds since 1970.
    pub(crate) at: f64,
    pub(crate) caches: Vec<Row>,
}

/// The keys, stores and labels of the caches: sent once, and again when they change.
#[derive(Serialize)]
pub(crate) struct Names<'a> {
    fields: [&'static str; FIELDS.len()],
    caches: Vec<(&'a str, &'static str, &'a BTreeMap<String, String>)>,
}

/// The numbers of the caches, in the order of [`Names`].
#[derive(Serialize)]
pub(crate) struct Compact {
    at: f64,
    rows: Vec<[Option<f64>; FIELDS.len()]>,
}

impl Overview {
    /// Reads every live cache, in the order of their creation. Takes some ten microseconds per cache.
    pub(crate) fn read() -> Self {
        let caches = keyed().into_iter().map(|(key, cache)| Row::read(key, &cache)).collect();
        Self { at: millis(SystemTime::now()), caches }
    }

    /// Sorts by load time, the highest first; then by hit rate, the lowest first.
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

    /// Returns whether the keys, stores and labels equal those of `other`.
    pub(crate) fn has_same_names_as(&self, other: &Self) -> bool {
        let names = |row: &Row| (row.key.clone(), row.store, row.labels.clone());
        self.caches.iter().map(names).eq(other.caches.iter().map(names))
    }

    pub(crate) fn compact(&self) -> Compact {
        Compact { at: self.at, rows: self.caches.iter().map(|row| row.numbers.compact()).collect() }
    }
}
