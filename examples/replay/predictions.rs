//! The predictions of a cache after one run.

use std::time::Duration;

use cachescope::Insight;
use cachescope::insight::{HitRateCurve, HotKeys, TtlCurve, WastedLoads};

/// The windows of working sets, in seconds. Windows longer than the trace are left out.
const WINDOWS: [u64; 8] = [1, 10, 60, 600, 3_600, 6 * 3_600, 86_400, 7 * 86_400];

#[derive(Debug)]
pub(crate) struct Predictions {
    pub(crate) curve: Option<HitRateCurve>,
    pub(crate) ttl_curve: Option<TtlCurve>,
    /// The number of distinct requested keys in each window.
    pub(crate) working_sets: Vec<(Duration, u64)>,
    pub(crate) hot_keys: HotKeys,
    pub(crate) wasted_loads: Option<WastedLoads>,
    pub(crate) advice: Vec<String>,
}

impl Predictions {
    /// Reads the predictions of a cache whose requests span `lasted`.
    pub(crate) fn new(insight: &Insight<'_>, lasted: Duration) -> Self {
        let windows = WINDOWS.into_iter().map(Duration::from_secs).take_while(|window| *window <= lasted);
        Self {
            curve: insight.curve(),
            ttl_curve: insight.ttl_curve(),
            working_sets: windows.filter_map(|window| Some((window, insight.working_set(window)?))).collect(),
            hot_keys: insight.hot_keys(),
            wasted_loads: insight.wasted_loads(),
            advice: insight.advice().iter().map(ToString::to_string).collect(),
        }
    }
}
