//! What a cache says, after one run, about what it would be otherwise.

use std::time::Duration;

use cachescope::{Amplification, Curve, HotKeys, Insight, Lifetimes};

/// Seconds over which a working set is told, as far as the trace is that long.
const WINDOWS: [u64; 8] = [1, 10, 60, 600, 3_600, 6 * 3_600, 86_400, 7 * 86_400];

#[derive(Debug)]
pub(crate) struct Predicted {
    pub(crate) curve: Option<Curve>,
    pub(crate) lifetimes: Option<Lifetimes>,
    /// Distinct keys that were asked for within such a time.
    pub(crate) working_sets: Vec<(Duration, u64)>,
    pub(crate) hot_keys: HotKeys,
    pub(crate) amplification: Option<Amplification>,
    pub(crate) advice: Vec<String>,
}

impl Predicted {
    /// By a cache whose requests took so long from the first to the last.
    pub(crate) fn by(insight: &Insight<'_>, lasted: Duration) -> Self {
        let windows = WINDOWS.into_iter().map(Duration::from_secs).take_while(|window| *window <= lasted);
        Self {
            curve: insight.curve(),
            lifetimes: insight.lifetimes(),
            working_sets: windows.filter_map(|window| Some((window, insight.working_set(window)?))).collect(),
            hot_keys: insight.hot_keys(),
            amplification: insight.amplification(),
            advice: insight.advice().iter().map(ToString::to_string).collect(),
        }
    }
}
