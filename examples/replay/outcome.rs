//! The result of a replay.

use std::time::Duration;

use cachescope::insight::WastedLoads;
use serde::{Serialize, Serializer};

use crate::config::CacheConfig;
use crate::run::Run;

/// All that a replay shows.
#[derive(Debug, Serialize)]
pub(crate) struct Outcome {
    #[serde(flatten)]
    pub(crate) config: CacheConfig,
    #[serde(rename = "ttl_seconds", serialize_with = "seconds_if_any")]
    pub(crate) ttl: Option<Duration>,
    pub(crate) requests: u64,
    pub(crate) hits: u64,
    pub(crate) hit_rate: f64,
    /// The time of the trace, from the first request to the last.
    #[serde(rename = "trace_seconds", serialize_with = "seconds")]
    pub(crate) lasted: Duration,
    pub(crate) curve: Vec<SizePoint>,
    /// Whether the curve simulates the store's own eviction policy. If not, it simulates LRU.
    pub(crate) own_policy: bool,
    pub(crate) ttl_curve: Vec<TtlPoint>,
    pub(crate) working_sets: Vec<WorkingSet>,
    pub(crate) hot_keys: Vec<HotKey>,
    pub(crate) wasted_loads: Option<WastedLoads>,
    pub(crate) advice: Vec<String>,
    /// Wall time of a request, without reading the trace.
    pub(crate) cost_ns_per_request: f64,
    /// Wall time of the run.
    #[serde(rename = "seconds", serialize_with = "seconds")]
    pub(crate) took: Duration,
}

/// A point of the hit-rate curve.
#[derive(Debug, Serialize)]
pub(crate) struct SizePoint {
    pub(crate) multiple: f64,
    /// In entries, or in bytes.
    pub(crate) capacity: u64,
    pub(crate) hit_rate: f64,
    pub(crate) margin: f64,
    pub(crate) settled: bool,
    /// The hit rate of a run with this capacity, if predictions are checked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) real: Option<f64>,
}

/// The predicted hit rate of another TTL.
#[derive(Debug, Serialize)]
pub(crate) struct TtlPoint {
    #[serde(rename = "ttl_seconds", serialize_with = "seconds")]
    pub(crate) ttl: Duration,
    pub(crate) hit_rate: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) real: Option<f64>,
}

#[derive(Debug, Serialize)]
pub(crate) struct WorkingSet {
    #[serde(rename = "window_seconds", serialize_with = "seconds")]
    pub(crate) window: Duration,
    pub(crate) keys: u64,
}

#[derive(Debug, Serialize)]
pub(crate) struct HotKey {
    pub(crate) key: String,
    pub(crate) share: f64,
    pub(crate) error: f64,
}

impl Outcome {
    /// Creates the outcome of the run that made all predictions.
    pub(crate) fn new(config: CacheConfig, run: Run) -> Self {
        let (hit_rate, cost_ns_per_request) = (run.hit_rate(), run.cost_ns_per_request());
        let predictions = run.predictions;
        let own_policy = predictions.curve.as_ref().is_some_and(|curve| curve.own_policy);
        let sizes = predictions.curve.into_iter().flat_map(|curve| curve.points).map(|point| SizePoint {
            multiple: point.multiple,
            capacity: point.capacity,
            hit_rate: point.hit_rate,
            margin: point.margin,
            settled: point.settled,
            real: None,
        });
        let points = predictions.ttl_curve.into_iter().flat_map(|ttl_curve| ttl_curve.points);
        let hot_keys = predictions.hot_keys.by_requests.into_iter().map(|hot| HotKey {
            key: hot.name.unwrap_or_else(|| format!("#{:016x}", hot.hash)),
            share: hot.share,
            error: hot.error,
        });
        let working_sets = predictions.working_sets.into_iter().map(|(window, keys)| WorkingSet { window, keys });
        Self {
            ttl: config.ttl,
            config,
            requests: run.requests,
            hits: run.hits,
            hit_rate,
            lasted: run.lasted,
            curve: sizes.collect(),
            own_policy,
            ttl_curve: points.map(|point| TtlPoint { ttl: point.ttl, hit_rate: point.hit_rate, real: None }).collect(),
            working_sets: working_sets.collect(),
            hot_keys: hot_keys.collect(),
            wasted_loads: predictions.wasted_loads,
            advice: predictions.advice,
            cost_ns_per_request,
            took: run.took,
        }
    }
}

fn seconds<S: Serializer>(time: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    time.as_secs_f64().serialize(serializer)
}

fn seconds_if_any<S: Serializer>(time: &Option<Duration>, serializer: S) -> Result<S::Ok, S::Error> {
    time.map(|time| time.as_secs_f64()).serialize(serializer)
}
