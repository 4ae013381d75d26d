//! Counts in one form, from the stats of a cache, a scrape or a query.

use std::collections::BTreeMap;

use cachescope::Stats;
use cachescope::metrics::{EvictionReason, LoadOutcome, Operation, RequestResult, WaitOutcome};

/// Counts by metric and by the value of the attribute that distinguishes its series.
pub type Numbers = BTreeMap<(&'static str, String), u64>;

/// Metrics by their names in Prometheus, with the label that distinguishes their series. Of histograms, the count.
const SERIES: [(&str, &str); 6] = [
    ("cachescope_requests_total", "cachescope_result"),
    ("cachescope_request_duration_seconds_count", "cachescope_result"),
    ("cachescope_load_duration_seconds_count", "error_type"),
    ("cachescope_wait_duration_seconds_count", "cachescope_wait_outcome"),
    ("cachescope_operation_duration_seconds_count", "cachescope_operation"),
    ("cachescope_evictions_total", "cachescope_eviction_reason"),
];

/// The counts in the stats of a cache. `error_type` is the type of its loads' errors.
#[must_use]
pub fn counted(stats: &Stats, error_type: &str) -> Numbers {
    let [requests, durations, loads, waits, operations, evictions] = SERIES.map(|(metric, _)| metric);
    let mut numbers = Numbers::new();
    for result in RequestResult::ALL {
        numbers.insert((requests, result.as_str().into()), stats.result(result));
        numbers.insert((durations, result.as_str().into()), stats.latency(result).count());
    }
    for (outcome, error) in
        [(LoadOutcome::Loaded, ""), (LoadOutcome::Failed, error_type), (LoadOutcome::Cancelled, "cancelled")]
    {
        numbers.insert((loads, error.into()), stats.loads(outcome));
    }
    for outcome in WaitOutcome::ALL {
        numbers.insert((waits, outcome.as_str().into()), stats.waits(outcome));
    }
    for operation in Operation::ALL {
        numbers.insert((operations, operation.as_str().into()), stats.operation(operation).count());
    }
    for reason in EvictionReason::ALL {
        numbers.insert((evictions, reason.as_str().into()), stats.evictions(reason));
    }
    // An empty histogram has no series.
    numbers.retain(|(metric, _), count| !metric.ends_with("_count") || *count > 0);
    numbers
}

/// The counts of a cache in series of Prometheus: metric, labels, value.
pub fn collected<'a, L>(series: impl Iterator<Item = (&'a str, &'a L, f64)>, cache: &str) -> Numbers
where
    L: 'a,
    &'a L: IntoIterator<Item = (&'a String, &'a String)>,
{
    let mut numbers = Numbers::new();
    for (metric, labels, value) in series {
        let label = |wanted: &str| {
            let found = labels.into_iter().find(|(name, _)| *name == wanted);
            found.map(|(_, value)| value.clone()).unwrap_or_default()
        };
        let known = SERIES.iter().find(|(name, _)| *name == metric);
        if let Some((metric, label_name)) = known.filter(|_| label("cachescope_cache_name") == cache) {
            *numbers.entry((metric, label(label_name))).or_default() += value as u64;
        }
    }
    numbers
}
