//! The history of a cache: its numbers in slices of time.

use std::collections::HashMap;
use std::time::{Duration, SystemTime};

use cachescope::metrics::{LiveCache, RequestResult};
use cachescope::{Stats, Window};
use serde::{Deserialize, Serialize};

use super::keys::keyed;
use super::row::Overview;
use super::wire::{millis, nanos};

/// The time range of the history.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum HistorySpan {
    #[default]
    Minutes,
    Hour,
    Day,
}

impl HistorySpan {
    /// Returns the length and the number of slices, which are those that a cache keeps.
    fn slices(self) -> (Duration, u32) {
        match self {
            Self::Minutes => (Duration::from_secs(5), 24),
            Self::Hour => (Duration::from_secs(60), 60),
            Self::Day => (Duration::from_secs(15 * 60), 96),
        }
    }

    pub(crate) fn duration(self) -> Duration {
        let (length, count) = self.slices();
        length * count
    }

    /// Returns the number of seconds between two readings of the slices.
    pub(crate) fn refresh_interval(self) -> u64 {
        match self {
            Self::Minutes => 1,
            Self::Hour => 10,
            Self::Day => 60,
        }
    }
}

/// The numbers of one slice of time.
#[derive(Debug, Serialize)]
pub(crate) struct Slice {
    /// The end of the slice, in milliseconds since 1970.
    at: f64,
    seconds: f64,
    /// Requests by result, in the order of [`RequestResult::ALL`].
    results: [u64; RequestResult::ALL.len()],
    /// p50, p90 and p99 of hits, misses and loads, in nanoseconds.
    hit: Option<[f64; 3]>,
    miss: Option<[f64; 3]>,
    load: Option<[f64; 3]>,
}

/// Returns the quantiles that the page shows: p50, p90 and p99, in nanoseconds.
pub(super) fn quantiles(durations: &cachescope::metrics::Durations) -> Option<[f64; 3]> {
    Some([durations.p50()?, durations.p90()?, durations.p99()?].map(nanos))
}

impl Slice {
    fn new(stats: &Stats, at: SystemTime, length: Duration) -> Self {
        Self {
            at: millis(at),
            seconds: length.as_secs_f64(),
            results: RequestResult::ALL.map(|result| stats.result(result)),
            hit: quantiles(stats.latency(RequestResult::Hit)),
            miss: quantiles(stats.latency(RequestResult::Miss)),
            load: quantiles(stats.load_duration()),
        }
    }
}

/// Returns the slices of the last `span`, the oldest first. Reads the cache once per slice.
///
/// The first slice may begin before the span, because a cache keeps longer slices of older times.
pub(super) fn slices(cache: &LiveCache, span: HistorySpan) -> Vec<Slice> {
    let (length, count) = span.slices();
    cut(cache, length, count, Slice::new)
}

/// The initial sparkline of a row: the number of slices, and their length in seconds.
const SPARKLINE: (u32, u32) = (12, 10);

/// Returns the initial sparkline of each cache, in the order of `overview`. Takes some hundred microseconds per cache.
pub(crate) fn sparklines(overview: &Overview) -> Vec<Vec<(u64, u64, f64)>> {
    let live: HashMap<_, _> = keyed().into_iter().collect();
    overview.caches.iter().map(|row| live.get(&row.key).map(sparkline).unwrap_or_default()).collect()
}

/// Returns the recent slices of a cache, the oldest first: requests, requests answered by the cache, and seconds.
fn sparkline(cache: &LiveCache) -> Vec<(u64, u64, f64)> {
    let (count, seconds) = SPARKLINE;
    cut(cache, Duration::from_secs(seconds.into()), count, |stats, _, length| {
        let answered = stats.hits() + stats.result(RequestResult::Stale);
        // Requests in flight belong to no slice.
        (stats.requests() - stats.in_flight(), answered, length.as_secs_f64())
    })
}

/// Cuts the last `count` times `length` into slices, and maps each by `slice`: from its numbers, its end and its
/// length.
///
/// A slice is the difference between a longer and a shorter window. The shorter window is read first, so that an event
/// between the readings is in a slice, rather than in none.
fn cut<T>(
    cache: &LiveCache,
    length: Duration,
    count: u32,
    slice: impl Fn(&Stats, SystemTime, Duration) -> T,
) -> Vec<T> {
    let mut shorter: Option<Stats> = None;
    let mut slices = Vec::new();
    for index in 1..=count {
        let longer = cache.window(Window::Last(length * index));
        let reaches = shorter.as_ref().map_or(Duration::ZERO, Stats::covers);
        let more = longer.covers().saturating_sub(reaches);
        // Windows that end within the same slice of the cache have the same length.
        if more < length / 2 && index > 1 {
            continue;
        }
        let counted = shorter.as_ref().map_or_else(|| longer.clone(), |shorter| longer.since(shorter));
        let end = longer.read_at().checked_sub(reaches).unwrap_or(SystemTime::UNIX_EPOCH);
        slices.push(slice(&counted, end, more));
        shorter = Some(longer);
    }
    slices.reverse();
    slices
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn slices_add_up_to_the_total() {
        let squares = cachescope::cached("past.squares", |n: u64| async move { n * n }).build();
        for n in [1, 2, 1, 1] {
            squares.call(n).await;
        }
        let cache = crate::model::keys::find("past.squares").unwrap();
        for span in [HistorySpan::Minutes, HistorySpan::Hour, HistorySpan::Day] {
            let slices = slices(&cache, span);
            let sum: u64 = slices.iter().flat_map(|slice| slice.results).sum();
            assert_eq!(sum, 4, "{slices:?}");
            assert!(slices.is_sorted_by(|a, b| a.at < b.at), "{slices:?}");
        }
        let (requests, answered) =
            sparkline(&cache).iter().fold((0, 0), |sum, slice| (sum.0 + slice.0, sum.1 + slice.1));
        assert_eq!((requests, answered), (4, 2));
    }
}
