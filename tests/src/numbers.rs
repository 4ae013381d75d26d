//! The same numbers out of different mouths: a cache's own stats, a scrape, a query.

use std::collections::BTreeMap;

use cachescope::{EvictionReason, LoadOutcome, Operation, RequestResult, Stats, WaitOutcome};

/// Counts by what they count: a metric and the value of the attribute that tells its series apart.
pub type Numbers = BTreeMap<(&'static str, String), u64>;

/// A metric as Prometheus names it, and the label that tells its series apart. Of histograms, the count.
const SERIES: [(&str, &str); 6] = [
    ("cachescope_requests_total", "cachescope_result"),
    ("cachescope_request_duration_seconds_count", "cachescope_result"),
    ("cachescope_load_duration_seconds_count", "error_type"),
    ("cachescope_wait_duration_seconds_count", "cachescope_wait_outcome"),
    ("cachescope_operation_duration_seconds_count", "cachescope_operation"),
    ("cachescope_evictions_total", "cachescope_eviction_reason"),
];

/// What the process counted. `error_type` is what loads of the cache return as an error.
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
    // A histogram without a value has no series.
    numbers.retain(|(metric, _), count| !metric.ends_with("_count") || *count > 0);
    numbers
}

/// What Prometheus's series say of one cache: metric, labels, value.
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
        if let Some((metric, telling)) = known.filter(|_| label("cachescope_cache_name") == cache) {
            *numbers.entry((metric, label(telling))).or_default() += value as u64;
        }
    }
    numbers
}
