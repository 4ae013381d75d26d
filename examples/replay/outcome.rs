//! What a replay shows.

use std::time::Duration;

use cachescope::Amplification;
use serde::{Serialize, Serializer};

use crate::run::Run;
use crate::setting::Setting;

#[derive(Debug, Serialize)]
pub(crate) struct Outcome {
    #[serde(flatten)]
    pub(crate) setting: Setting,
    #[serde(rename = "ttl_seconds", serialize_with = "seconds_if_any")]
    pub(crate) ttl: Option<Duration>,
    pub(crate) requests: u64,
    pub(crate) hits: u64,
    pub(crate) hit_rate: f64,
    /// The trace's time.
    #[serde(rename = "trace_seconds", serialize_with = "seconds")]
    pub(crate) lasted: Duration,
    pub(crate) curve: Vec<Size>,
    /// Whether the curve is of the store's own policy, and not of LRU's.
    pub(crate) own_policy: bool,
    pub(crate) lifetimes: Vec<Life>,
    pub(crate) working_sets: Vec<WorkingSet>,
    pub(crate) hot_keys: Vec<HotKey>,
    pub(crate) amplification: Option<Amplification>,
    pub(crate) advice: Vec<String>,
    /// Wall time of the requests alone.
    pub(crate) cost_ns_per_request: f64,
    /// Wall time of the run.
    #[serde(rename = "seconds", serialize_with = "seconds")]
    pub(crate) took: Duration,
}

/// A point of the curve.
#[derive(Debug, Serialize)]
pub(crate) struct Size {
    pub(crate) multiple: f64,
    /// In entries, or in bytes.
    pub(crate) capacity: u64,
    pub(crate) hit_rate: f64,
    pub(crate) margin: f64,
    pub(crate) settled: bool,
    /// By a run of its own, where predictions are checked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) real: Option<f64>,
}

/// What another time to live would make of it.
#[derive(Debug, Serialize)]
pub(crate) struct Life {
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
    /// Of the one run that all predictions are from.
    pub(crate) fn of(setting: Setting, run: Run) -> Self {
        let (hit_rate, cost_ns_per_request) = (run.hit_rate(), run.cost_ns_per_request());
        let predicted = run.predicted;
        let own_policy = predicted.curve.as_ref().is_some_and(|curve| curve.own_policy);
        let sizes = predicted.curve.into_iter().flat_map(|curve| curve.points).map(|point| Size {
            multiple: point.multiple,
            capacity: point.capacity,
            hit_rate: point.hit_rate,
            margin: point.margin,
            settled: point.settled,
            real: None,
        });
        let lives = predicted.lifetimes.into_iter().flat_map(|lifetimes| lifetimes.points);
        let hot_keys = predicted.hot_keys.by_requests.into_iter().map(|hot| HotKey {
            key: hot.name.unwrap_or_else(|| format!("#{:016x}", hot.hash)),
            share: hot.share,
            error: hot.error,
        });
        let working_sets = predicted.working_sets.into_iter().map(|(window, keys)| WorkingSet { window, keys });
        Self {
            ttl: setting.ttl,
            setting,
            requests: run.requests,
            hits: run.hits,
            hit_rate,
            lasted: run.lasted,
            curve: sizes.collect(),
            own_policy,
            lifetimes: lives.map(|life| Life { ttl: life.ttl, hit_rate: life.hit_rate, real: None }).collect(),
            working_sets: working_sets.collect(),
            hot_keys: hot_keys.collect(),
            amplification: predicted.amplification,
            advice: predicted.advice,
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
