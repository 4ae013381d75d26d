//! What the page says of caches. Here alone are their numbers and their insight read.

mod detail;
mod insights;
mod past;
mod pulse;
mod row;

use std::collections::HashMap;
use std::time::{Duration, SystemTime};

use cachescope::LiveCache;

pub(crate) use self::detail::Detail;
pub(crate) use self::insights::{Insights, advice};
pub(crate) use self::past::Span;
use self::past::sketch;
pub(crate) use self::pulse::Pulse;
pub(crate) use self::row::{Overview, Row};

/// The live caches, each with what it is called by on the page: its name, and for others of that name which it is.
pub(crate) fn keyed() -> Vec<(String, LiveCache)> {
    let mut seen: HashMap<String, u32> = HashMap::new();
    let key = |cache: &LiveCache| {
        let count = seen.entry(cache.name().to_owned()).or_default();
        *count += 1;
        if *count == 1 { cache.name().to_owned() } else { format!("{}#{count}", cache.name()) }
    };
    let caches: Vec<_> = cachescope::caches().into_iter().collect();
    let keys: Vec<_> = caches.iter().map(key).collect();
    keys.into_iter().zip(caches).collect()
}

/// How each cache's small chart begins, in the order of `overview`. Takes some hundred microseconds for each.
pub(crate) fn sketches(overview: &Overview) -> Vec<Vec<(u64, u64, f64)>> {
    let live: HashMap<_, _> = keyed().into_iter().collect();
    overview.caches.iter().map(|row| live.get(&row.key).map(sketch).unwrap_or_default()).collect()
}

/// The cache that is called so.
pub(crate) fn find(key: &str) -> Option<LiveCache> {
    keyed().into_iter().find(|(known, _)| known == key).map(|(_, cache)| cache)
}

/// Nanoseconds: durations go over the wire as numbers.
fn nanos(duration: Duration) -> f64 {
    duration.as_nanos() as f64
}

/// Milliseconds since 1970, as browsers have it.
fn millis(at: SystemTime) -> f64 {
    at.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_millis() as f64
}
