//! The durations of loads from three sources: the loads themselves, the merged histograms of the caches, and
//! Prometheus.

use std::time::Duration;

use cachescope::metrics::{Durations, LoadTrigger};
use serde::Serialize;

use crate::servers::Servers;
use crate::totals::Totals;

const QUANTILES: [f64; 3] = [0.5, 0.9, 0.99];

/// One quantile of one cache's loads over all instances, in seconds.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Quantile {
    pub(crate) cache: String,
    pub(crate) quantile: f64,
    pub(crate) exact: f64,
    pub(crate) stats: f64,
    pub(crate) prometheus: f64,
}

/// Returns the quantiles of the delivered loads, all of which Prometheus has.
pub(crate) fn quantiles(delivered: &Totals, servers: &Servers) -> anyhow::Result<Vec<Quantile>> {
    let mut rows = Vec::new();
    for (cache, stats) in delivered.stats() {
        let merged = LoadTrigger::ALL.map(|trigger| stats.load_duration_by(trigger).clone());
        let Some(merged) = merged.into_iter().reduce(|all, one| Durations::plus(&all, &one)) else { continue };
        let mut loads = delivered.loads(cache).to_vec();
        loads.sort_unstable();
        for quantile in QUANTILES {
            let (Some(exact), Some(stats)) = (exact(&loads, quantile), merged.quantile(quantile)) else { continue };
            let buckets = format!(
                "cachescope_load_duration_seconds_bucket{{job=\"{}\", cachescope_cache_name=\"{cache}\"}}",
                servers.job()
            );
            let query = format!("histogram_quantile({quantile}, sum by (le) ({buckets}))");
            let shown = servers.prometheus().query(&query)?;
            let prometheus = shown.first().map_or(f64::NAN, |sample| sample.value);
            let (exact, stats) = (exact.as_secs_f64(), stats.as_secs_f64());
            rows.push(Quantile { cache: cache.clone(), quantile, exact, stats, prometheus });
        }
    }
    Ok(rows)
}

/// Returns the exact quantile of `sorted`.
fn exact(sorted: &[u64], quantile: f64) -> Option<Duration> {
    let rank = (quantile * sorted.len() as f64).ceil() as usize;
    sorted.get(rank.saturating_sub(1)).map(|micros| Duration::from_micros(*micros))
}
