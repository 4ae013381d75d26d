//! What other sizes and lifetimes would do for a cache, which keys are hot, and what is to be done.

use std::time::Duration;

use cachescope::{Gain, LiveCache};
use serde::Serialize;

use crate::text::{lasting, sized};

/// The windows the working set is told for.
const WINDOWS: [Duration; 3] = [Duration::from_secs(60), Duration::from_secs(10 * 60), Duration::from_secs(60 * 60)];

/// A cache's insight. `None` and empty where it is off, or hasn't seen enough.
#[derive(Debug, Serialize)]
pub(crate) struct Insights {
    curve: Option<Curve>,
    lifetimes: Option<Lifetimes>,
    hot: Hot,
    /// Seconds, and distinct keys asked for within them.
    working_set: Vec<(u64, u64)>,
    amplification: Option<Amplification>,
    advice: Vec<Advice>,
}

/// What to do, the numbers it follows from, and what it would bring.
#[derive(Debug, Serialize)]
struct Advice {
    action: String,
    evidence: String,
    gain: Option<String>,
}

/// What is to be done about a cache: a sentence each.
pub(crate) fn advice(cache: &LiveCache) -> Vec<String> {
    cache.insight().advice().iter().map(ToString::to_string).collect()
}

/// In a few words; nothing where it has no number, or the sentence has it already, as of hit rates.
fn gained(gain: Gain) -> Option<String> {
    match gain {
        Gain::Time(time) => Some(format!("{} less an hour", lasting(super::nanos(time)))),
        Gain::Loads(loads) => Some(format!("{loads} loads fewer an hour")),
        Gain::Memory { from, to, in_bytes: true } => Some(format!("{} to {}", sized(from), sized(to))),
        Gain::Memory { from, to, in_bytes: false } => Some(format!("{from} to {to} entries")),
        _ => None,
    }
}

/// Hit rates at capacities in entries or bytes.
#[derive(Debug, Serialize)]
struct Curve {
    capacity: u64,
    in_bytes: bool,
    hit_rate: f64,
    own_policy: bool,
    samples: u64,
    sampling_rate: f64,
    points: Vec<CurvePoint>,
}

#[derive(Debug, Serialize)]
struct CurvePoint {
    at: u64,
    hit_rate: f64,
    settled: bool,
    margin: f64,
}

/// Hit rates at lifetimes in seconds.
#[derive(Debug, Serialize)]
struct Lifetimes {
    ttl: Option<f64>,
    hit_rate: f64,
    keys: usize,
    points: Vec<LifetimePoint>,
}

#[derive(Debug, Serialize)]
struct LifetimePoint {
    at: f64,
    hit_rate: f64,
}

#[derive(Debug, Serialize)]
struct Hot {
    by_requests: Vec<HotKey>,
    by_load_time: Vec<HotKey>,
}

/// Its hash is text: a browser's numbers have 53 bits.
#[derive(Debug, Serialize)]
struct HotKey {
    hash: String,
    name: Option<String>,
    share: f64,
    error: f64,
}

#[derive(Debug, Serialize)]
struct Amplification {
    loads: u64,
    unread: f64,
    unread_refreshes: f64,
}

impl Insights {
    pub(crate) fn of(cache: &LiveCache) -> Self {
        let insight = cache.insight();
        let keys = insight.hot_keys();
        Self {
            curve: insight.curve().map(Curve::from),
            lifetimes: insight.lifetimes().map(Lifetimes::from),
            hot: Hot { by_requests: hot(keys.by_requests), by_load_time: hot(keys.by_load_time) },
            working_set: WINDOWS
                .into_iter()
                .filter_map(|window| Some((window.as_secs(), insight.working_set(window)?)))
                .collect(),
            amplification: insight.amplification().map(|told| Amplification {
                loads: told.loads,
                unread: told.unread,
                unread_refreshes: told.unread_refreshes,
            }),
            advice: insight.advice().into_iter().map(Advice::from).collect(),
        }
    }
}

fn hot(keys: Vec<cachescope::HotKey>) -> Vec<HotKey> {
    let told = |key: cachescope::HotKey| HotKey {
        hash: format!("{:016x}", key.hash),
        name: key.name,
        share: key.share,
        error: key.error,
    };
    keys.into_iter().map(told).collect()
}

impl From<cachescope::Advice> for Advice {
    fn from(told: cachescope::Advice) -> Self {
        Self { action: told.action, evidence: told.evidence, gain: gained(told.gain) }
    }
}

impl From<cachescope::Curve> for Curve {
    fn from(curve: cachescope::Curve) -> Self {
        let point = |point: &cachescope::CurvePoint| CurvePoint {
            at: point.capacity,
            hit_rate: point.hit_rate,
            settled: point.settled,
            margin: point.margin,
        };
        Self {
            capacity: curve.capacity,
            in_bytes: curve.in_bytes,
            hit_rate: curve.hit_rate,
            own_policy: curve.own_policy,
            samples: curve.samples,
            sampling_rate: curve.sampling_rate,
            points: curve.points.iter().map(point).collect(),
        }
    }
}

impl From<cachescope::Lifetimes> for Lifetimes {
    fn from(told: cachescope::Lifetimes) -> Self {
        let point =
            |point: &cachescope::LifetimePoint| LifetimePoint { at: point.ttl.as_secs_f64(), hit_rate: point.hit_rate };
        Self {
            ttl: told.ttl.map(|ttl| ttl.as_secs_f64()),
            hit_rate: told.hit_rate,
            keys: told.keys,
            points: told.points.iter().map(point).collect(),
        }
    }
}
