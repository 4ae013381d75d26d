//! A cache's insight as JSON: hit rates at other capacities and TTLs, hot keys, and advice.

use std::time::Duration;

use cachescope::insight::{HotKey, Impact};
use cachescope::metrics::LiveCache;
use serde_json::{Value, json};

use super::wire::nanos;
use crate::quantity::{format_bytes, format_nanos};

/// The windows of the working set.
const WINDOWS: [Duration; 3] = [Duration::from_secs(60), Duration::from_secs(10 * 60), Duration::from_secs(60 * 60)];

/// Returns a cache's insight. Parts are null or empty if insight is off, or hasn't seen enough requests.
///
/// The page's JSON differs from the serialization of cachescope's own types: all curves have points `at` a number, and
/// durations are seconds.
pub(crate) fn insight(cache: &LiveCache) -> Value {
    let insight = cache.insight();
    let curve = insight.curve().map(|curve| {
        let points = curve.points.iter().map(|point| {
            json!({
                "at": point.capacity, "hit_rate": point.hit_rate, "settled": point.settled, "margin": point.margin,
            })
        });
        json!({
            "capacity": curve.capacity,
            "in_bytes": curve.in_bytes,
            "hit_rate": curve.hit_rate,
            "own_policy": curve.own_policy,
            "samples": curve.samples,
            "sampling_rate": curve.sampling_rate,
            "points": points.collect::<Vec<_>>(),
        })
    });
    let lifetimes = insight.ttl_curve().map(|curve| {
        let points = curve.points.iter();
        let points = points.map(|point| json!({ "at": point.ttl.as_secs_f64(), "hit_rate": point.hit_rate }));
        json!({
            "ttl": curve.ttl.map(|ttl| ttl.as_secs_f64()),
            "hit_rate": curve.hit_rate,
            "keys": curve.keys,
            "points": points.collect::<Vec<_>>(),
        })
    });
    let working_set = WINDOWS.iter().filter_map(|window| Some((window.as_secs(), insight.working_set(*window)?)));
    let amplification = insight.wasted_loads().map(
        |wasted| json!({ "loads": wasted.loads, "unread": wasted.unread, "unread_refreshes": wasted.unread_refreshes }),
    );
    let advice = insight.advice().into_iter().map(
        |advice| json!({ "action": advice.action, "evidence": advice.evidence, "gain": format_impact(advice.impact) }),
    );
    let keys = insight.hot_keys();
    json!({
        "curve": curve,
        "lifetimes": lifetimes,
        "hot": { "by_requests": hot_keys(&keys.by_requests), "by_load_time": hot_keys(&keys.by_load_time) },
        "working_set": working_set.collect::<Vec<_>>(),
        "amplification": amplification,
        "advice": advice.collect::<Vec<_>>(),
    })
}

/// Returns the advice about a cache, one sentence each.
pub(crate) fn advice(cache: &LiveCache) -> Vec<String> {
    cache.insight().advice().iter().map(ToString::to_string).collect()
}

/// Formats an impact in a few words. Returns `None` without a number, or if the advice itself has the number, as for
/// hit rates.
fn format_impact(impact: Impact) -> Option<String> {
    match impact {
        Impact::Time(time) => Some(format!("{} less per hour", format_nanos(nanos(time)))),
        Impact::Loads(loads) => Some(format!("{loads} fewer loads per hour")),
        Impact::Memory { from, to, in_bytes: true } => Some(format!("{} to {}", format_bytes(from), format_bytes(to))),
        Impact::Memory { from, to, in_bytes: false } => Some(format!("{from} to {to} entries")),
        _ => None,
    }
}

/// Hashes are text: numbers of browsers have 53 bits.
fn hot_keys(keys: &[HotKey]) -> Vec<Value> {
    let key = |key: &HotKey| json!({ "hash": format!("{:016x}", key.hash), "name": key.name, "share": key.share, "error": key.error });
    keys.iter().map(key).collect()
}
