//! The cost of collecting the metrics, from the collector's metrics about itself.

use std::time::Duration;

use cachescope_harness::Prometheus;
use serde::Serialize;

use crate::servers::Servers;

/// The cost in the gateway and in Prometheus. A number is `None` if this Prometheus doesn't scrape it.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Cost {
    /// The share of one core.
    pub(crate) collector_cpu: Option<f64>,
    pub(crate) collector_rss_bytes: Option<f64>,
    /// The number of series of caches in Prometheus.
    pub(crate) series: Option<f64>,
}

impl Cost {
    /// Reads the cost over the last `time`.
    pub(crate) fn over(time: Duration, servers: &Servers) -> anyhow::Result<Self> {
        let (prometheus, job, seconds) = (servers.prometheus(), servers.job(), time.as_secs().max(2));
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
