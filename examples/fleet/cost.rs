//! What it costs to collect all of this, by the collector's metrics about itself.

use std::time::Duration;

use cachescope_stack::Prometheus;
use serde::Serialize;

use crate::places::Places;

/// The gateway's share, and Prometheus's. What isn't known, since another scrapes it, is left out.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Cost {
    /// Of one core.
    pub(crate) collector_cpu: Option<f64>,
    pub(crate) collector_rss_bytes: Option<f64>,
    /// Of caches, in Prometheus.
    pub(crate) series: Option<f64>,
}

impl Cost {
    /// Over the last `time`.
    pub(crate) fn over(time: Duration, places: &Places) -> anyhow::Result<Self> {
        let (prometheus, job, seconds) = (places.prometheus(), places.job(), time.as_secs().max(2));
        let own = "{job=\"collector\"}";
        Ok(Self {
            collector_cpu: one(prometheus, &format!("rate(otelcol_process_cpu_seconds{own}[{seconds}s])"))?,
            collector_rss_bytes: one(
                prometheus,
                &format!("max_over_time(otelcol_process_memory_rss{own}[{seconds}s])"),
            )?,
            series: one(prometheus, &format!("count({{__name__=~\"cachescope_.*\", job=\"{job}\"}})"))?,
        })
    }
}

fn one(prometheus: &Prometheus, query: &str) -> anyhow::Result<Option<f64>> {
    Ok(prometheus.query(query)?.first().map(|sample| sample.value))
}
