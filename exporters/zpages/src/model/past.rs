//! A cache's numbers over time.

use std::time::{Duration, SystemTime};

use cachescope::{LiveCache, RequestResult, Stats, Window};
use serde::{Deserialize, Serialize};

use super::{millis, nanos};

/// How far back the page looks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Span {
    #[default]
    Minutes,
    Hour,
    Day,
}

impl Span {
    /// How long its slices are, and how many there are: as a cache keeps them.
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

    /// How many seconds may pass before slices are read anew.
    pub(crate) fn renewed_each(self) -> u64 {
        match self {
            Self::Minutes => 1,
            Self::Hour => 10,
            Self::Day => 60,
        }
    }
}

/// What happened in one slice of time.
#[derive(Debug, Serialize)]
pub(crate) struct Slice {
    /// When it ends, in milliseconds since 1970.
    at: f64,
    seconds: f64,
    /// Requests, in the order of [`RequestResult::ALL`].
    results: [u64; RequestResult::ALL.len()],
    /// p50, p90 and p99 of hits, of misses and of loads, in nanoseconds.
    hit: Option<[f64; 3]>,
    miss: Option<[f64; 3]>,
    load: Option<[f64; 3]>,
}

/// The quantiles the page shows.
pub(super) fn quantiles(durations: &cachescope::Durations) -> Option<[f64; 3]> {
    Some([durations.p50()?, durations.p90()?, durations.p99()?].map(nanos))
}

impl Slice {
    fn of(stats: &Stats, at: SystemTime, length: Duration) -> Self {
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

/// The slices of the last so long, the oldest first. Takes as many readings of the cache as there are slices.
///
/// The first may reach farther back than the span, where a cache keeps longer slices of what is older.
pub(super) fn slices(cache: &LiveCache, span: Span) -> Vec<Slice> {
    let (length, count) = span.slices();
    cut(cache, length, count, Slice::of)
}

/// How a row's small chart begins: this many slices of so many seconds.
const SKETCH: (u32, u32) = (12, 10);

/// What a cache did before anybody looked: requests and those that it answered, of each slice, the oldest first.
pub(super) fn sketch(cache: &LiveCache) -> Vec<(u64, u64, f64)> {
    let (count, seconds) = SKETCH;
    cut(cache, Duration::from_secs(seconds.into()), count, |stats, _, length| {
        let answered = stats.hits() + stats.result(RequestResult::Stale);
        // Those under way are of no slice.
        (stats.requests() - stats.in_flight(), answered, length.as_secs_f64())
    })
}

/// Cuts the last so long in slices, and has `told` say what is in each: its numbers, when it ends and its length.
///
/// A slice is what a longer window has more than a shorter one. The shorter is read first: what happens in between is
/// then in a slice and never missing from one.
fn cut<T>(cache: &LiveCache, length: Duration, count: u32, told: impl Fn(&Stats, SystemTime, Duration) -> T) -> Vec<T> {
    let mut shorter: Option<Stats> = None;
    let mut slices = Vec::new();
    for index in 1..=count {
        let longer = cache.window(Window::Last(length * index));
        let reaches = shorter.as_ref().map_or(Duration::ZERO, Stats::covers);
        let more = longer.covers().saturating_sub(reaches);
        // Windows that fall within one of the cache's own slices reach as far as each other.
        if more < length / 2 && index > 1 {
            continue;
        }
        let counted = shorter.as_ref().map_or_else(|| longer.clone(), |shorter| longer.since(shorter));
        let end = longer.read_at().checked_sub(reaches).unwrap_or(SystemTime::UNIX_EPOCH);
        slices.push(told(&counted, end, more));
        shorter = Some(longer);
    }
    slices.reverse();
    slices
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn slices_add_up_to_what_was_counted() {
        let squares = cachescope::cached("past.squares", |n: u64| async move { n * n }).build();
        for n in [1, 2, 1, 1] {
            squares.call(n).await;
        }
        let cache = crate::model::find("past.squares").unwrap();
        for span in [Span::Minutes, Span::Hour, Span::Day] {
            let slices = slices(&cache, span);
            let sum: u64 = slices.iter().flat_map(|slice| slice.results).sum();
            assert_eq!(sum, 4, "{slices:?}");
            assert!(slices.is_sorted_by(|a, b| a.at < b.at), "{slices:?}");
        }
        let (requests, answered) = sketch(&cache).iter().fold((0, 0), |sum, slice| (sum.0 + slice.0, sum.1 + slice.1));
        assert_eq!((requests, answered), (4, 2));
    }
}
